"""Table of what tenants may use beyond the ordinary."""

from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class TenantFeature(Base):
    """One feature of a tenant that somebody has decided about; without a row it is off.

    Attributes:
        images: Of `containers`, those that may be run; other features have none.
    """

    __tablename__ = "tenant_features"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    enabled: Mapped[bool]
    images: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
