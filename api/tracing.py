"""A span for each request, which goes on with the trace that the caller names.

It knows the route and not the address: paths and queries hold what people named.
"""

from typing import Final

from opentelemetry.context import attach, detach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foundation.telemetry import Telemetry, continued

_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OUR_FAULT: Final = 500


class RequestSpans:
    """Surrounds requests with spans."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        token = attach(continued(Headers(scope=scope)))
        try:
            what = {"http.request.method": method}
            with self._telemetry.span(method, SpanKind.SERVER, what) as span:

                async def noting(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        _tell(span, method, scope, message["status"])
                    await send(message)

                await self._app(scope, receive, noting)
        finally:
            detach(token)


def _tell(span: Span, method: str, scope: Scope, status: int) -> None:
    route = getattr(scope.get("route"), "path", None)
    if isinstance(route, str):
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= _OUR_FAULT:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))
