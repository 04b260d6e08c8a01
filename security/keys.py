"""The RSA keys that sign access tokens: in the database, sealed, the same for every process.

The first process that needs a key makes it under an advisory lock; the others wait and read it.
The newest key signs, every key that is not retired verifies.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from joserfc.jwk import RSAKey
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from foundation.database import Database
from foundation.errors import UnavailableError
from security.models import SigningKey
from security.sealing import Sealer

_log = structlog.get_logger(__name__)

KEY_BITS: Final = 2048
# Seconds between two reads that unknown key ids cause: anybody can send unknown key ids.
REFRESH_EVERY_S: Final = 5.0
# Any number that nothing else locks; "mill" in ASCII, then 1.
_LOCK: Final = 0x6D696C6C01
# Keys belong to the installation. No tenant can be called this: tenant ids are slugs.
_INSTALLATION: Final = "@installation"
_PURPOSE: Final = "signing-key"


@dataclass(frozen=True)
class _Ring:
    """What one read found; replaced as a whole, so readers need no lock."""

    signing: RSAKey
    by_id: dict[str, RSAKey]


class SigningKeys:
    """The keys as this process last read them.

    Everything here may touch the database, except `get` and `jwks` after the first read.
    """

    def __init__(
        self, database: Database, sealer: Sealer, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._lock = threading.Lock()
        self._ring: _Ring | None = None
        self._read_at = 0.0

    def get(self, kid: str) -> RSAKey | None:
        """Return a key if this process has read it. Touches no database."""
        return self._ring.by_id.get(kid) if self._ring else None

    def signing(self) -> RSAKey:
        """Return the key to sign with; the first one of an installation is made here.

        Raises:
            UnavailableError: When the database cannot be reached.
        """
        return self._loaded().signing

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Publish the public halves (RFC 7517).

        Raises:
            UnavailableError: When they were never read and the database cannot be reached.
        """
        public = (key.as_dict(private=False) for key in self._loaded().by_id.values())
        return {
            "keys": [
                {**{name: str(value) for name, value in key.items()}, "use": "sig", "alg": "RS256"}
                for key in public
            ]
        }

    def refresh(self) -> None:
        """Read the keys again, unless that was just done.

        Raises:
            UnavailableError: When the database cannot be reached.
        """
        with self._lock:
            if self._ring is None or self._clock() - self._read_at >= REFRESH_EVERY_S:
                self._ring = self._read()
                self._read_at = self._clock()

    def rotate(self) -> str:
        """Add a key, which signs from now on; the older ones go on verifying.

        Other processes keep signing with the old key until they read again, and read the new one
        as soon as a token names it.

        Returns:
            Its key id.

        Raises:
            UnavailableError: When the database cannot be reached.
        """
        with self._database.session() as session:
            made = self._make(session).kid
        with self._lock:
            self._ring = self._read()
        return made

    def _loaded(self) -> _Ring:
        if self._ring is None:
            self.refresh()
        if self._ring is None:
            raise UnavailableError("The signing keys could not be read. Try again.")
        return self._ring

    def _read(self) -> _Ring:
        with self._database.session() as session:
            rows = _usable(session)
            if not rows:
                session.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                # Whoever held the lock before us may have made one.
                rows = _usable(session) or [self._make(session)]
            keys = [self._open(row) for row in rows]
        return _Ring(signing=keys[-1], by_id={key.thumbprint(): key for key in keys})

    def _make(self, session: Session) -> SigningKey:
        key = RSAKey.generate_key(KEY_BITS)
        kid = key.thumbprint()
        private = json.dumps(key.as_dict(private=True)).encode()
        row = SigningKey(kid=kid, sealed=self._sealer.seal(_INSTALLATION, _PURPOSE, kid, private))
        session.add(row)
        session.flush()
        _log.info("signing_key_made", kid=kid)
        return row

    def _open(self, row: SigningKey) -> RSAKey:
        private = self._sealer.open(_INSTALLATION, _PURPOSE, row.kid, row.sealed)
        return RSAKey.import_key(cast(dict[str, Any], json.loads(private)), {"kid": row.kid})


def _usable(session: Session) -> list[SigningKey]:
    query = select(SigningKey).where(SigningKey.retired_at.is_(None))
    return list(session.scalars(query.order_by(SigningKey.created_at, SigningKey.kid)))
