"""What a link allows, and the token that says so.

A token names a row and carries a digest of what the row says; both are under one HMAC-SHA-256, with
a key that follows from the master key. So a guess is refused before anything is looked up, and a
row that somebody has altered fits no token. The token itself is kept nowhere.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from foundation.json import canonical, digest

PURPOSE: Final = "approval-links"
MAX_CHARS: Final = 400
_VERSION: Final = 1
_MAC_BYTES: Final = hashlib.sha256().digest_size

Choice: TypeAlias = Literal["approve", "reject"]
CHOICES: Final[tuple[Choice, ...]] = ("approve", "reject")


@dataclass(frozen=True, slots=True)
class Grant:
    """What one link allows.

    Attributes:
        id: Of the link.
        workflow_id: The instance that waits.
        user_id: Who decides with it.
        decisions: What can be decided with it.
        data_hash: Of the data that is shown.
        expires_at: In seconds after 1970.
        asked_by: The run in Temporal that asks; empty in links made before this was kept.
    """

    tenant_id: str
    id: str
    approval_id: str
    workflow_id: str
    user_id: str
    decisions: tuple[str, ...]
    data_hash: str
    expires_at: int
    asked_by: str

    @property
    def digest(self) -> str:
        """Return what is the same for the same grant only."""
        return digest(
            [
                self.tenant_id,
                self.id,
                self.approval_id,
                self.workflow_id,
                self.user_id,
                [*self.decisions],
                self.data_hash,
                self.expires_at,
                *([self.asked_by] if self.asked_by else []),
            ]
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says; it is ours, and may have expired."""

    tenant_id: str
    link_id: str
    digest: str
    expires_at: int


class LinkTokens:
    """Makes and reads the tokens of an installation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(self, grant: Grant) -> str:
        """Return the token of a grant; the same one every time."""
        said = canonical([_VERSION, grant.tenant_id, grant.id, grant.digest, grant.expires_at])
        return base64.urlsafe_b64encode(self._mac(said) + said).decode().rstrip("=")

    def claims(self, token: str) -> Claims | None:
        """Return what a token says; None for one that is not ours."""
        if len(token) > MAX_CHARS:
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        mac, said = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(said)):
            return None
        version, tenant_id, link_id, told, expires_at = json.loads(said)
        return Claims(tenant_id, link_id, told, expires_at) if version == _VERSION else None

    def _mac(self, said: bytes) -> bytes:
        return hmac.new(self._key, said, hashlib.sha256).digest()
