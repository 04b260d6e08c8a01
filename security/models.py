"""Tables of the installation's own keys; those of accounts are in `security.accounts.models`."""

from datetime import datetime

from sqlalchemy import String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class SigningKey(Base):
    """One RSA key pair.

    Attributes:
        kid: RFC 7638 thumbprint of the public key.
        sealed: The private key as JWK, sealed. The public half is derived from it, so that a row
            somebody slipped in without the master key verifies nothing.
        retired_at: Set when tokens signed with it are no longer accepted.
    """

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(String(43), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    retired_at: Mapped[datetime | None]
