"""Access tokens: RS256 JWTs as RFC 9068 has them, issued here and accepted from nobody else.

The verifier is strict in a fixed order: size and shape, header (only `alg`, `typ`, `kid`, of the
one allowed value each), signature, claims. What fails says that the token is not valid and no more.
"""

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import GuestProtocol, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.registry import HeaderParameter, HeaderRegistryDict
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from foundation.errors import UnauthenticatedError
from foundation.settings import AuthSettings
from security.keys import SigningKeys
from security.permissions import permissions_of
from security.principal import Principal

MAX_CHARS: Final = 8 * 1024
# Clocks of two machines of one installation differ by this many seconds at most.
LEEWAY_S: Final = 5
# RFC 9068 wants to know who asked for the token; people who log in do so with our own front end.
FIRST_PARTY: Final = "millwright"
_ALGORITHM: Final = "RS256"
_TYPE: Final = "at+jwt"
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class UnknownKeyError(UnauthenticatedError):
    """The token names a key that this process has not read (yet)."""


def _exactly(wanted: str) -> Callable[[object], None]:
    def check(value: object) -> None:
        if value != wanted:
            raise ValueError(f"must be {wanted}")

    return check


_ALLOWED: Final[HeaderRegistryDict] = {
    "alg": HeaderParameter("Algorithm", _exactly(_ALGORITHM), required=True),
    "typ": HeaderParameter("Type", _exactly(_TYPE), required=True),
    "kid": HeaderParameter("Key ID", "str", required=True),
}


class _Headers(JWSRegistry):
    """Knows three header parameters. `crit`, `jku`, `jwk`, `x5u` and the rest are refused."""

    default_header_registry = _ALLOWED


_Text = Annotated[str, StringConstraints(min_length=1, max_length=320)]


class _Claims(BaseModel):
    """The claims we read, each of exactly this type."""

    model_config = ConfigDict(strict=True, frozen=True)

    iss: _Text
    aud: _Text
    sub: _Text
    tenant_id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\z")]
    email: _Text
    roles: list[str]
    permissions: list[str]
    jti: _Text
    sid: _Text
    iat: int
    exp: int


@dataclass(frozen=True)
class Subject:
    """Whom a token is for: the user as the database has him at this moment."""

    tenant_id: str
    user_id: str
    email: str
    roles: tuple[str, ...]
    session_id: str


class AccessTokens:
    """Issues and verifies. `verify` touches no database: any number of API replicas can do it."""

    def __init__(
        self,
        keys: SigningKeys,
        settings: AuthSettings,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keys = keys
        self.ttl_s = settings.access_ttl_s
        self._settings = settings
        self._clock = clock
        self._headers = _Headers(algorithms=[_ALGORITHM])
        self._rules = jwt.JWTClaimsRegistry(
            now=self._now,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
            iat={"essential": True},
        )

    def issue(self, subject: Subject) -> str:
        """Sign a token for somebody who has just proved who he is.

        Raises:
            UnavailableError: When there is no key yet and the database cannot be reached.
        """
        key = self.keys.signing()
        now = self._now()
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": subject.user_id,
            "client_id": FIRST_PARTY,
            "tenant_id": subject.tenant_id,
            "email": subject.email,
            "roles": list(subject.roles),
            "permissions": sorted(permissions_of(subject.roles)),
            "jti": uuid.uuid4().hex,
            "sid": subject.session_id,
            "iat": now,
            "exp": now + self.ttl_s,
        }
        header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": key.thumbprint()}
        return jwt.encode(header, claims, key, registry=self._headers)

    def verify(self, token: str) -> Principal:
        """Tell whose token this is.

        Raises:
            UnknownKeyError: When it names a key we do not have; `keys.refresh()` may help.
            UnauthenticatedError: When it is not good for any other reason.
        """
        if len(token) > MAX_CHARS or not _SHAPE.fullmatch(token):
            raise _refused()
        try:
            claims = jwt.decode(token, self._key, registry=self._headers).claims
            self._rules.validate(claims)
            return self._principal(_Claims.model_validate(claims))
        except ExpiredTokenError:
            raise UnauthenticatedError(
                "The access token has expired. Get another from POST /api/v1/auth/refresh."
            ) from None
        except (JoseError, ValidationError, ValueError, TypeError, AttributeError):
            raise _refused() from None

    def _key(self, token: GuestProtocol) -> RSAKey:
        key = self.keys.get(token.headers()["kid"])
        if key is None:
            raise UnknownKeyError(_refused().message)
        return key

    def _principal(self, claims: _Claims) -> Principal:
        if not 0 < claims.exp - claims.iat <= self.ttl_s:
            raise _refused()
        # The claim can narrow what the roles give in the running release, never widen it: a
        # permission that a release takes away from a role ends with that release.
        permissions = permissions_of(claims.roles) & frozenset(claims.permissions)
        return Principal(
            tenant_id=claims.tenant_id,
            subject=claims.sub,
            email=claims.email,
            roles=frozenset(claims.roles),
            permissions=permissions,
        )

    def _now(self) -> int:
        return int(self._clock())


def _refused() -> UnauthenticatedError:
    return UnauthenticatedError(
        "The access token is not valid here. Get one from POST /api/v1/auth/login."
    )
