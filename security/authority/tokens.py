"""What an authority answers, read with suspicion: a token, or an error that repeats nothing."""

import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from security.authority.errors import (
    AuthorityAnswerError,
    AuthorityAwayError,
    IssuerError,
    LoginRefusedError,
)

# RFC 6750: what may stand in the header. A shorter one could not be hidden in answers.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{4,16384}=*")
# RFC 6749 allows more, and every registered code is of these. A secret that is repeated hardly is.
_CODE: Final = re.compile(r"[a-z][a-z_]{1,49}")
# Of a token whose authority does not say how long it is good.
_UNSAID_S: Final = 60.0
_LONGEST_S: Final = 86_400.0
# Given up this long before its end, so that it does not end on the way; of short ones a tenth.
_EARLY_S: Final = 30.0
_MAX_RETRY_AFTER_S: Final = 60.0
_NOT_NOW: Final = frozenset({408, 429})
_JWT_PARTS: Final = 3


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and how long it may be used from when it was asked for.

    Attributes:
        refresh: What takes the place of the refresh token it was asked for with.
    """

    text: str = field(repr=False)
    keeps_s: float
    refresh: str | None = field(default=None, repr=False)


def read_token(response: httpx2.Response, shown: str) -> Token:
    """Read the answer of a token endpoint.

    Args:
        shown: What to call the authority.

    Raises:
        LoginRefusedError: It said no.
        AuthorityAwayError: It is out of order.
        AuthorityAnswerError: The answer is no token.
    """
    _refuse_errors(response, shown)
    answer = json_object(response, shown)
    if "error" in answer:
        # Some say so with status 200.
        raise _refused(response, shown)
    kind, text = answer.get("token_type"), answer.get("access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise AuthorityAnswerError(
            f"{shown} gave a token without 'token_type: Bearer'. Only bearer tokens can be used."
        )
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise AuthorityAnswerError(f"{shown} gave no 'access_token' that fits into a header.")
    refresh = answer.get("refresh_token")
    return Token(
        text, _kept_s(answer.get("expires_in")), refresh if isinstance(refresh, str) else None
    )


def json_object(response: httpx2.Response, shown: str) -> Mapping[str, Any]:
    """Read an answer that has to be a JSON object.

    Raises:
        AuthorityAnswerError: It is none.
    """
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        media = response.headers.get("content-type", "").partition(";")[0].strip()[:60]
        raise AuthorityAnswerError(
            f"{shown} answered {media or 'something'} that is no JSON object. Check the address, "
            "and whether a log-in page or a proxy answers in its place."
        )
    return answer


def check_issuer(token: Token, issuers: tuple[str, ...], shown: str, *, known: bool) -> None:
    """Check who issued a token, if the policy says who may.

    Args:
        known: The authority itself is one of these, so that the token need not say so.

    Raises:
        IssuerError: It is somebody else, or cannot be told.
    """
    if not issuers:
        return
    found = _issuer(token.text)
    if found in issuers or (found is None and known):
        return
    raise IssuerError(
        f"{shown} gave a token of an issuer that is not in 'issuers'."
        if found is not None
        else f"{shown} gave a token that does not say who issued it, so 'issuers' cannot be "
        "checked. Remove them, or use 'oidc'."
    )


def _issuer(token: str) -> str | None:
    """Return who issued a JWT. Its signature is not ours to check: we have it from the issuer."""
    parts = token.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    found = claims.get("iss") if isinstance(claims, dict) else None
    return found if isinstance(found, str) else None


def _refuse_errors(response: httpx2.Response, shown: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if response.is_redirect:
        raise AuthorityAnswerError(
            f"{shown} redirects ({status}), which is not followed: credentials go only where they "
            "were meant to go. Write the address that it redirects to."
        )
    if response.is_server_error or status in _NOT_NOW:
        raise AuthorityAwayError(
            f"{shown} is out of order: it answered {status}.", retry_after_s=_retry_after(response)
        )
    raise _refused(response, shown)


def _refused(response: httpx2.Response, shown: str) -> LoginRefusedError:
    code = _code(response)
    said = f": {code}" if code else ""
    return LoginRefusedError(
        f"{shown} gave no token (HTTP {response.status_code}{said}). Check the credentials and "
        "what they may be used for."
    )


def _code(response: httpx2.Response) -> str | None:
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    found = answer.get("error") if isinstance(answer, dict) else None
    return found if isinstance(found, str) and _CODE.fullmatch(found) else None


def _kept_s(said: object) -> float:
    """Return how long to use a token that is said to be good for so long."""
    try:
        seconds = float(said) if isinstance(said, int | float | str) else _UNSAID_S
    except (ValueError, OverflowError):
        seconds = _UNSAID_S
    if not math.isfinite(seconds):
        seconds = _UNSAID_S
    seconds = min(seconds, _LONGEST_S)
    return max(0.0, seconds - min(_EARLY_S, seconds / 10))


def _retry_after(response: httpx2.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return min(float(text), _MAX_RETRY_AFTER_S) if text.isdecimal() and text.isascii() else None
