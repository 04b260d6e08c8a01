"""A credential in the query of an address: added below everything that writes addresses down."""

from collections.abc import Mapping
from urllib.parse import quote, quote_plus

import httpx2
from typing_extensions import override


class KeyedTransport(httpx2.AsyncBaseTransport):
    """Adds the credential to requests for one server, and takes it out of where it redirects to.

    Args:
        transport: What sends.
        endpoint: Of the server; requests to other hosts get nothing.
        query: The credential.
    """

    def __init__(
        self, transport: httpx2.AsyncBaseTransport, endpoint: str, query: Mapping[str, str]
    ) -> None:
        self._transport = transport
        self._origin = _origin(httpx2.URL(endpoint)) if query else None
        self._query = query

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if _origin(request.url) != self._origin:
            return await self._transport.handle_async_request(request)
        keyed = httpx2.Request(
            request.method,
            request.url.copy_merge_params(self._query),
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        response = await self._transport.handle_async_request(keyed)
        location = response.headers.get("location", "")
        if any(
            spelled in location for value in self._query.values() for spelled in _spelled(value)
        ):
            response.headers["location"] = location.partition("?")[0]
        return response

    @override
    async def aclose(self) -> None:
        await self._transport.aclose()


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _spelled(value: str) -> tuple[str, ...]:
    return value, quote(value, safe=""), quote_plus(value)
