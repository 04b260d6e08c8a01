"""The MCP server: which request goes where. Nothing is kept between two requests."""

from collections.abc import Mapping
from typing import Any, Final, cast

from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    CallToolRequestParams,
    PaginatedRequestParams,
    RequestParams,
)
from mcp.types.version import MODERN_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.services import Services
from api.virtual.calling import Calling
from api.virtual.faults import PROTOCOL, as_protocol_errors, failed
from api.virtual.listing import Listing
from api.virtual.naming import ToolRef, WorkflowRef, meant
from api.virtual.running import EXTENSION, Running
from foundation.errors import MillwrightError, NotFoundError
from foundation.json import JsonObject
from security.principal import Principal
from toolhub.hub import IDEMPOTENCY_META

# Where a request carries who is asking.
PRINCIPAL: Final = "millwright.principal"
_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
_LONGEST_KEY: Final = 256
_INSTRUCTIONS: Final = (
    "Tools of registered servers are called `server__tool`, workflows `namespace_name`. "
    "'millwright/idempotencyKey' in '_meta' of a call makes repeating it safe."
)

_Context = ServerRequestContext[Any, Any]


class TaskParams(RequestParams):
    """Which task."""

    task_id: str


class VirtualServer:
    """Speaks MCP for one API process.

    Args:
        version: Of the product.
    """

    def __init__(self, parts: Services, version: str) -> None:
        self._listing = Listing(parts)
        self._calling = Calling(parts)
        self._running = Running(parts, parts.settings.api.mcp_wait_s)
        self._server: Server[Any] = Server(
            "millwright",
            version=version,
            title="Millwright",
            instructions=_INSTRUCTIONS,
            # What somebody sees depends on who asks.
            cache_hints={"tools/list": CacheHint(ttl_ms=60_000, scope="private")},
            # No argument is wanted as a header, so that every call need not list all tools.
            get_tool_input_schema=lambda _name: None,
        )
        self._server.extensions = {EXTENSION: {}}
        self._server.add_request_handler("tools/list", PaginatedRequestParams, self._list)
        self._server.add_request_handler("tools/call", CallToolRequestParams, self._call)
        self._server.add_request_handler("tasks/get", TaskParams, self._get_task)
        self._server.add_request_handler("tasks/cancel", TaskParams, self._cancel_task)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request of a caller who is known."""
        # One manager for each: what it would keep is for sessions, and there are none.
        manager = StreamableHTTPSessionManager(self._server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    async def _list(self, context: _Context, params: PaginatedRequestParams) -> JsonObject:
        with as_protocol_errors():
            return await self._listing.page(
                _principal(context), params.cursor, context.protocol_version
            )

    async def _call(self, context: _Context, params: CallToolRequestParams) -> JsonObject:
        principal, version = _principal(context), context.protocol_version
        arguments, key = params.arguments or {}, _key(context)
        with as_protocol_errors():
            try:
                match meant(params.name):
                    case ToolRef() as ref:
                        return await self._calling.call(
                            principal, ref, arguments, key=key, version=version
                        )
                    case WorkflowRef() as ref:
                        return await self._running.call(
                            principal,
                            ref,
                            arguments,
                            key=key,
                            tasks=_takes_tasks(context),
                            version=version,
                        )
                    case None:
                        raise _unknown(params.name)
            except PROTOCOL:
                raise
            except MillwrightError as error:
                return failed(error)

    async def _get_task(self, context: _Context, params: TaskParams) -> JsonObject:
        _refuse_old(context)
        with as_protocol_errors():
            return await self._running.task(
                _principal(context), params.task_id, context.protocol_version
            )

    async def _cancel_task(self, context: _Context, params: TaskParams) -> JsonObject:
        _refuse_old(context)
        with as_protocol_errors():
            await self._running.cancel(_principal(context), params.task_id)
        return {}


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no tool '{name[:128]}'. tools/list says which there are.")


def _principal(context: _Context) -> Principal:
    request = cast(Request, context.request)
    return cast(Principal, request.scope[PRINCIPAL])


def _meta(context: _Context) -> Mapping[str, Any]:
    meta = (context.params or {}).get("_meta")
    return meta if isinstance(meta, Mapping) else {}


def _key(context: _Context) -> str | None:
    key = _meta(context).get(IDEMPOTENCY_META)
    if key is None or (isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY):
        return key
    raise MCPError(
        code=INVALID_PARAMS,
        message=f"'{IDEMPOTENCY_META}' in '_meta' has to be 1 to {_LONGEST_KEY} characters.",
    )


def _takes_tasks(context: _Context) -> bool:
    match _meta(context).get(_CAPABILITIES):
        case {"extensions": {**extensions}}:
            return context.protocol_version in MODERN_PROTOCOL_VERSIONS and EXTENSION in extensions
        case _:
            return False


def _refuse_old(context: _Context) -> None:
    """The extension is one of the stateless protocol."""
    if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        raise MCPError(code=METHOD_NOT_FOUND, message="Method not found", data=context.method)
