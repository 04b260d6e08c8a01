"""What the service hands out: plain values, no rows and no hashes."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Account:
    """One user as others may see him."""

    tenant_id: str
    id: str
    email: str
    roles: tuple[str, ...]
    disabled: bool


@dataclass(frozen=True)
class TokenPair:
    """What a log-in or a refresh yields.

    Attributes:
        expires_in: Seconds the access token is good for.
        refresh_token: Opaque, good once.
        refresh_expires_at: When the whole log-in ends; refreshing does not move it.
    """

    access_token: str
    expires_in: int
    refresh_token: str
    refresh_expires_at: datetime
