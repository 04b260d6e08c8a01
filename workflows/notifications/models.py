"""Table of the claims of notifications."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class NotificationClaim(Base):
    """One place that is taken. Nothing in it says what was sent, or to whom.

    Attributes:
        key: Hash of what is counted together.
        holder: Id of the notification; the same on every attempt.
        sent: Settled; until then it is a promise with a short life.
        expires_at: When the place is free again.
    """

    __tablename__ = "notification_claims"
    # Expired ones are looked for by this.
    __table_args__ = (
        Index("ix_notification_claims_tenant_id_expires_at", "tenant_id", "expires_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    key: Mapped[str] = mapped_column(String(64, collation="C"), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64, collation="C"), primary_key=True)
    sent: Mapped[bool]
    expires_at: Mapped[datetime]
