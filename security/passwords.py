"""Password hashes: argon2id for what we store, bcrypt accepted and replaced at the next log-in.

One verification takes about 50 ms of a core and 19 MiB on purpose. Whoever calls from an event
loop does so in a thread, and in few of them: `api.auth` keeps that bound.
"""

import secrets
import unicodedata
from dataclasses import dataclass
from typing import Final

import structlog
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from foundation.errors import InvalidInputError

_log = structlog.get_logger(__name__)

# Characters, not bytes: a Hangul syllable is one here and three in UTF-8.
MIN_CHARS: Final = 12
MAX_CHARS: Final = 256
# The bcrypt library refuses longer ones, so no stored bcrypt hash can be of such a password.
_BCRYPT_MAX_BYTES: Final = 72
# First choice of the OWASP password storage cheat sheet.
_ARGON2: Final = Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)


@dataclass(frozen=True)
class Verdict:
    """Whether a password is right, and the better hash to store if there is one."""

    right: bool
    new_hash: str | None = None


class Passwords:
    """Makes and verifies hashes. Holds no state but the hash that unknown users are tried on."""

    def __init__(self) -> None:
        self._hashes = PasswordHash((_ARGON2, BcryptHasher()))
        self._nobody = self._hashes.hash(secrets.token_urlsafe(24))

    def hash(self, password: str) -> str:
        """Hash a new password.

        Raises:
            InvalidInputError: When it is too short or too long.
        """
        if not MIN_CHARS <= len(password) <= MAX_CHARS:
            raise InvalidInputError(
                f"A password has {MIN_CHARS} to {MAX_CHARS} characters; this one has "
                f"{len(password)}."
            )
        return self._hashes.hash(_bytes(password))

    def verify(self, password: str, stored: str | None) -> Verdict:
        """Compare with the stored hash; None is a user who does not exist and takes as long.

        Raises:
            InvalidInputError: When the password is not text.
        """
        if len(password) > MAX_CHARS:
            password, stored = "", None
        given = _bytes(password)
        if stored is None:
            self._hashes.verify(given, self._nobody)
            return Verdict(right=False)
        if BcryptHasher.identify(stored):
            return self._verify_bcrypt(password, stored)
        try:
            right, new_hash = self._hashes.verify_and_update(given, stored)
        except UnknownHashError:
            # The library's message quotes the hash. This user needs a new password.
            _log.warning("password_hash_of_unknown_kind")
            return self.verify(password, None)
        return Verdict(right, new_hash)

    def _verify_bcrypt(self, password: str, stored: str) -> Verdict:
        # Made elsewhere, of the bytes as they were typed there.
        given = password.encode()
        if len(given) > _BCRYPT_MAX_BYTES:
            return self.verify(password, None)
        right = self._hashes.verify(given, stored)
        return Verdict(right, self._hashes.hash(_bytes(password)) if right else None)


def _bytes(password: str) -> bytes:
    """Spell the same characters in the same bytes: keyboards differ, above all for Hangul."""
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        raise InvalidInputError("The password holds half a character (a lone surrogate).") from None
