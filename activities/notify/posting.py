"""One POST to the receiver of a notification, and what its answer means."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import httpx2

from activities.http.exchange import SHOWN_BODY_CHARS, retry_after
from activities.notify.errors import NotDeliveredError
from security.egress import WayOut, check_url

# Too early, too much, or a server in trouble. Everything else stays as it is: a receiver that does
# not know us (404), is gone (410) or cannot read it (400) will say the same again.
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_FINE: Final = range(200, 300)
# No more than this is read of any answer, so however large one is, its status counts.
_READ_BYTES: Final = 4 * SHOWN_BODY_CHARS
_ANY_SIZE: Final = 2**62


async def post(
    way: WayOut, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float
) -> int:
    """Send it and return the status.

    Nothing of the address but its host is ever told: the path is often the key.

    Raises:
        EgressRefusedError: When this installation sends nothing there.
        NotDeliveredError: When the answer is no success, or there is none.
    """
    host = check_url(url).host
    try:
        async with (
            asyncio.timeout(timeout_s),
            way.client(timeout=timeout_s, max_bytes=_ANY_SIZE) as client,
            client.stream(
                "POST", url, content=body, headers={"content-type": "application/json", **headers}
            ) as response,
        ):
            # Of a success the status is enough: however long its body, it has arrived.
            if response.status_code in _FINE:
                return response.status_code
            raise _refusal(response, await _beginning(response), host)
    except (httpx2.TimeoutException, TimeoutError) as error:
        raise NotDeliveredError(
            f"{host} did not answer within {timeout_s:g} s.",
            title="The receiver did not answer",
            kind="timeout",
            retryable=True,
        ) from error
    except httpx2.RequestError as error:
        raise NotDeliveredError(
            f"{host} could not be reached, or the connection broke ({type(error).__name__}).",
            title="The receiver cannot be reached",
            retryable=True,
        ) from error


async def _beginning(response: httpx2.Response) -> str:
    """Return what a person needs of an error page; the status counts without it, too."""
    said = b""
    with suppress(httpx2.HTTPError):
        async for chunk in response.aiter_bytes():
            said += chunk
            if len(said) >= _READ_BYTES:
                break
    return said[:_READ_BYTES].decode(errors="replace")[:SHOWN_BODY_CHARS].strip()


def _refusal(response: httpx2.Response, said: str, host: str) -> NotDeliveredError:
    status = response.status_code
    return NotDeliveredError(
        f"{host} answered {status}" + (f": {said}" if said else "."),
        title=f"HTTP {status} {response.reason_phrase}".strip(),
        status=status,
        retryable=status in _AGAIN,
        retry_after_s=retry_after(response) if status in _AGAIN else None,
    )
