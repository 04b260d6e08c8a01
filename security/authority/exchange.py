"""One request to an authority: over the guarded way out, bounded, without following redirects."""

from collections.abc import Mapping
from typing import Final

import httpx2

from foundation.errors import TooLargeError
from security.authority.errors import AuthorityAnswerError, AuthorityAwayError
from security.egress import WayOut

_REQUEST_S: Final = 15.0
# Ten times what the largest discovery documents have.
_MAX_BYTES: Final = 128 * 1024


async def exchange(
    way: WayOut,
    method: str,
    uri: str,
    shown: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None = None,
) -> httpx2.Response:
    """Send a request; return the whole answer, whatever its status.

    Args:
        way: The way out.
        method: Of HTTP.
        uri: Where it goes.
        shown: What to call whoever is asked.
        headers: What is sent beside.
        content: What is sent.

    Raises:
        AuthorityAwayError: Nobody answered.
        AuthorityAnswerError: The answer is larger than any can be.
        EgressRefusedError: This installation does not send requests there.
    """
    try:
        async with way.client(timeout=_REQUEST_S, max_bytes=_MAX_BYTES) as client:
            return await client.request(method, uri, headers=headers, content=content)
    except httpx2.TimeoutException:
        raise AuthorityAwayError(f"{shown} did not answer in time.", kind="timeout") from None
    except httpx2.ConnectError as error:
        raise AuthorityAwayError(f"{shown} cannot be reached ({error}).") from error
    except httpx2.HTTPError as error:
        raise AuthorityAwayError(
            f"{shown} broke the connection ({type(error).__name__})."
        ) from error
    except TooLargeError:
        raise AuthorityAnswerError(
            f"{shown} answered more than {_MAX_BYTES:,} bytes, which no token has."
        ) from None
