"""Secrets at rest: AES-256-GCM, bound to the tenant, the purpose and the record they belong to.

A sealed value is text: `v1.<key id>.<base64url of nonce and ciphertext>`. The associated data is
the canonical JSON of [version, tenant, purpose, record], so a sealed value copied to another
tenant, column or row does not open. Each tenant has its own key, derived from the master key.

Left out: key services and rotation. A value names the key it was sealed with, so a keyring fits in.
"""

import base64
import binascii
import hashlib
import secrets
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from foundation.errors import MillwrightError
from foundation.json import canonical
from foundation.settings import SecuritySettings

VERSION: Final = "v1"
KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
# A tenant's key is made again in 20 microseconds; this bounds what is kept in memory.
_KEPT_TENANT_KEYS: Final = 1024
_SETTING: Final = "MILLWRIGHT_SECURITY_MASTER_KEY"
_HOW_TO: Final = "Make one and keep it as safe as the database: openssl rand -base64 32"


class MasterKeyError(MillwrightError):
    """This installation has no usable key for what it stores encrypted."""

    code = "master-key"


class SealBrokenError(MillwrightError):
    """A sealed value does not open here. Why is not said: that would help only an attacker."""

    code = "seal-broken"

    def __init__(self) -> None:
        super().__init__(
            f"A stored secret cannot be opened. Check that {_SETTING} is the key it was stored "
            "with, or store the secret again."
        )


class Sealer:
    """Seals and opens secrets with the keys that follow from one master key.

    Args:
        master_key: 32 random bytes.

    Raises:
        MasterKeyError: When it has another length.
    """

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            raise MasterKeyError(f"A master key has {KEY_BYTES} bytes, not {len(master_key)}.")
        self._key_id = hashlib.sha256(b"millwright key id\0" + master_key).hexdigest()[:16]

        def derived(kind: str, name: str) -> bytes:
            info = canonical(["millwright", VERSION, kind, name])
            return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(master_key)

        @lru_cache(maxsize=_KEPT_TENANT_KEYS)
        def cipher(tenant_id: str) -> AESGCM:
            return AESGCM(derived("tenant", tenant_id))

        self._derived = derived
        self._cipher = cipher

    @classmethod
    def from_settings(cls, settings: SecuritySettings) -> "Sealer":
        """Build it from `MILLWRIGHT_SECURITY_MASTER_KEY`.

        Raises:
            MasterKeyError: When the setting is missing or not 32 bytes in base64; says how to
                make one.
        """
        if settings.master_key is None:
            raise MasterKeyError(f"{_SETTING} is not set. {_HOW_TO}")
        try:
            key = base64.b64decode(settings.master_key.get_secret_value(), validate=True)
        except (binascii.Error, ValueError):
            raise MasterKeyError(f"{_SETTING} is not base64. {_HOW_TO}") from None
        if len(key) != KEY_BYTES:
            raise MasterKeyError(f"{_SETTING} has {len(key)} bytes, not {KEY_BYTES}. {_HOW_TO}")
        return cls(key)

    def derive(self, purpose: str) -> bytes:
        """Derive the key of a purpose that seals nothing, such as signing page tokens."""
        return self._derived("purpose", purpose)

    def seal(self, tenant_id: str, purpose: str, record_id: str, plaintext: bytes) -> str:
        """Encrypt a secret for one tenant, purpose and record."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        bound = canonical([VERSION, tenant_id, purpose, record_id])
        body = nonce + self._cipher(tenant_id).encrypt(nonce, plaintext, bound)
        return f"{VERSION}.{self._key_id}.{base64.urlsafe_b64encode(body).decode()}"

    def open(self, tenant_id: str, purpose: str, record_id: str, sealed: str) -> bytes:
        """Decrypt what `seal` made for the same tenant, purpose and record.

        Raises:
            SealBrokenError: For any other tenant, purpose, record, key or content.
        """
        body = self._body(sealed)
        bound = canonical([VERSION, tenant_id, purpose, record_id])
        try:
            return self._cipher(tenant_id).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise SealBrokenError from None

    def _body(self, sealed: str) -> bytes:
        version, _, rest = sealed.partition(".")
        key_id, _, encoded = rest.partition(".")
        if version != VERSION or key_id != self._key_id:
            raise SealBrokenError
        try:
            return base64.b64decode(encoded, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise SealBrokenError from None
