"""HTTP in, MCP out: who is asking, and from which page. What is asked is `api.virtual.server`."""

from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from api import problems
from api.addresses import base_url
from api.dependencies import BEARER, ServicesDep, signed_in
from api.virtual.server import PRINCIPAL, VirtualServer
from foundation.errors import ForbiddenError, UnauthenticatedError
from foundation.settings import ApiSettings

router = APIRouter(tags=["mcp"])

PATH: Final = "/mcp"
METADATA: Final = "/.well-known/oauth-protected-resource"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@router.get(f"{METADATA}{PATH}", include_in_schema=False)
@router.get(METADATA, include_in_schema=False)
async def describe_protected_resource(parts: ServicesDep) -> dict[str, Any]:
    """Tell how to log in here (RFC 9728). We name no authorization server: we are none (OAuth)."""
    base = base_url(parts.settings.api)
    return {
        "resource": f"{base}{PATH}",
        "resource_name": "Millwright",
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["mcp:call", "workflow:execute", "workflow:read"],
    }


@router.post(PATH, include_in_schema=False)
async def speak_mcp(
    request: Request,
    parts: ServicesDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
) -> Response:
    """Answer one MCP request. What a caller may is decided for each tool."""
    settings = parts.settings.api
    refuse_foreign_page(request.headers.get("origin"), settings)
    try:
        request.scope[PRINCIPAL] = await signed_in(parts, credentials)
    except UnauthenticatedError as error:
        refused = await problems.domain_problem(request, error)
        where = f'resource_metadata="{base_url(settings)}{METADATA}{PATH}"'
        refused.headers["WWW-Authenticate"] += f", {where}"
        return refused
    return _Spoken(request.app.state.virtual, await request.body())


def refuse_foreign_page(origin: str | None, settings: ApiSettings) -> None:
    """Refuse what a page of another site sends, also through a name that it lets point here.

    Raises:
        ForbiddenError: The origin is not where this API is reached.
    """
    if origin is None:
        return
    own = urlsplit(base_url(settings))
    mine = {f"{own.scheme}://{own.netloc}"}
    if own.hostname in _LOOPBACK:
        mine |= {f"{own.scheme}://{host}:{own.port}" for host in ("127.0.0.1", "localhost")}
    if origin.lower() not in mine:
        raise ForbiddenError(
            f"A page of {origin[:200]!r} may not speak MCP here. Set MILLWRIGHT_API_PUBLIC_URL if "
            "that is where this API is reached."
        )


class _Spoken(Response):
    """The answer of the SDK's server, which writes it itself."""

    def __init__(self, server: VirtualServer, body: bytes) -> None:
        super().__init__()
        self._server = server
        self._body = body

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, whose body was read and checked already."""
        unread = True

        async def again() -> Message:
            nonlocal unread
            if unread:
                unread = False
                return {"type": "http.request", "body": self._body, "more_body": False}
            return await receive()

        await self._server.serve(scope, again, send)
