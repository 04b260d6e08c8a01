"""A client that proves who it is by a signature (RFC 7523): made anew for every token request."""

import json
import time
from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import InvalidKeyTypeError, JoseError
from joserfc.jwk import ECKey, OctKey, RSAKey

from security.authority.errors import LoginError

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Long enough for clocks that differ, short enough that a copy is soon worth nothing.
_LIVES_S: Final = 120
# RFC 7518: a key of HS256 is as long as its hash.
_SHORTEST_SECRET_BYTES: Final = 32
_KINDS: Final[Mapping[str, type[RSAKey | ECKey]]] = {"RSA": RSAKey, "EC": ECKey}
_OF_CURVE: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_OF_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")


def signed_with_secret(client_id: str, secret: str, audience: str) -> str:
    """Sign with the secret that the authority knows, too (`client_secret_jwt`).

    Raises:
        LoginError: When the secret is too short for that.
    """
    if len(secret.encode()) < _SHORTEST_SECRET_BYTES:
        raise LoginError(
            f"'client_secret_jwt' needs a client secret of at least {_SHORTEST_SECRET_BYTES} "
            "bytes; a shorter one could be guessed from a signature. Have a longer one made."
        )
    return _signed({"alg": "HS256"}, client_id, OctKey.import_key(secret), audience)


def signed_with_key(client_id: str, key: str, audience: str) -> str:
    """Sign with a private key, as PEM or JWK (`private_key_jwt`).

    The members `kid` and `alg` of a JWK are used.

    Raises:
        LoginError: When it is no such key.
    """
    try:
        private = _private_key(key)
        header = {"alg": _algorithm(private)}
        if private.kid is not None:
            header["kid"] = private.kid
        return _signed(header, client_id, private, audience)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        # Why is not told: that could tell a part of the key.
        raise LoginError(
            "'client.secret' is no private key that can be used. Give an RSA or EC key, as PEM "
            "(-----BEGIN PRIVATE KEY-----, without a passphrase) or as JWK."
        ) from None


def _signed(header: dict[str, str], client_id: str, key: OctKey | RSAKey | ECKey, to: str) -> str:
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": to,
        "jti": uuid4().hex,
        "iat": now,
        "exp": now + _LIVES_S,
    }
    return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def _private_key(text: str) -> RSAKey | ECKey:
    key = _key(text)
    if not key.is_private:
        raise ValueError("no private key")
    return key


def _key(text: str) -> RSAKey | ECKey:
    if text.lstrip().startswith("{"):
        jwk = json.loads(text)
        return _KINDS[jwk["kty"]].import_key(jwk)
    try:
        return RSAKey.import_key(text)
    except InvalidKeyTypeError:
        return ECKey.import_key(text)


def _algorithm(key: RSAKey | ECKey) -> str:
    known = _OF_RSA if isinstance(key, RSAKey) else (_OF_CURVE[key.curve_name],)
    chosen = key.alg or known[0]
    if chosen not in known:
        raise ValueError("not an algorithm for this key")
    return chosen
