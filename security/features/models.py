"""Table of what tenants may use beyond the ordinary."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class TenantFeature(Base):
    """One feature of a tenant that somebody has decided about; without a row it is off."""

    __tablename__ = "tenant_features"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(63), primary_key=True)
    enabled: Mapped[bool]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
