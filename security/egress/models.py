"""Table of what tenants have said about hosts."""

from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class EgressRules(Base):
    """The rules of a tenant; without a row it has none, and everything the operator allows is open.

    Attributes:
        allow: Rules as `rules.Rule` spells them; empty: everything.
        deny: The same, refused whatever is allowed.
        version: Counts changes.
    """

    __tablename__ = "egress_rules"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    allow: Mapped[list[str]] = mapped_column(ARRAY(Text))
    deny: Mapped[list[str]] = mapped_column(ARRAY(Text))
    version: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
