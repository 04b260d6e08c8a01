"""Calls as HTTP requests; the same for both clients."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import httpx

from millwright_client.exchange import PREFIX, Send

_AGENT: Final = f"millwright-client/{version('millwright-client')}"


def options(url: str, timeout_s: float) -> dict[str, Any]:
    """Return how an HTTP client is made for an installation at `url`."""
    return {
        "base_url": url.rstrip("/") + PREFIX,
        "timeout": httpx.Timeout(timeout_s),
        "headers": {"User-Agent": _AGENT, "Accept": "application/json"},
    }


def request(http: httpx.Client | httpx.AsyncClient, send: Send) -> httpx.Request:
    """Build the request for a call."""
    call = send.call
    headers: Mapping[str, str] = call.headers
    if send.token is not None:
        headers = {**headers, "Authorization": f"Bearer {send.token}"}
    usual = http.timeout
    patient = httpx.Timeout(
        connect=usual.connect,
        read=None if usual.read is None else usual.read + call.wait_s,
        write=usual.write,
        pool=usual.pool,
    )
    return http.build_request(
        call.method,
        call.path,
        params=call.params or None,
        json=call.json,
        content=call.content,
        headers=headers,
        timeout=patient,
    )
