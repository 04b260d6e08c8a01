"""Table of the tenants' secrets."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class Secret(Base):
    """One secret of a tenant.

    Attributes:
        sealed: Its JSON; opens only for this tenant and this name.
        version: Raised by every rotation; guards against lost updates.
    """

    __tablename__ = "secrets"

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(String(63, collation="C"), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(Text)
