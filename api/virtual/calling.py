"""Calling a tool of the registry on behalf of an MCP client: the hub's own call path, all of it."""

from collections.abc import Iterator
from typing import Final
from uuid import uuid4

from anyio import to_thread
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from api.services import Services
from api.virtual.faults import COMPLETE
from api.virtual.naming import ToolRef, tool_name
from foundation.json import JsonObject, digest
from security.principal import Principal
from toolhub.errors import UnknownToolError
from toolhub.schemas import CallOrigin, CallTool, ToolResult

# The server's own, or what was decided about the tool, may be less.
LONGEST_S: Final = 60.0
# Under which a client finds that something stood in for the tool, and what.
DEGRADED_META: Final = "millwright/degraded"
FALLBACK_META: Final = "millwright/fallback"
_PAGE: Final = 200


class Calling:
    """Calls tools of servers."""

    def __init__(self, parts: Services) -> None:
        self._parts = parts

    async def call(
        self,
        principal: Principal,
        ref: ToolRef,
        arguments: JsonObject,
        *,
        key: str | None,
        version: str,
    ) -> JsonObject:
        """Call a tool.

        Args:
            key: The client's; the same one gives the same call, whichever process is asked.
            version: Revision of the protocol that the client speaks.

        Raises:
            ForbiddenError: The caller may not call tools.
            MillwrightError: Whatever `ToolHub.call` raises.
        """
        principal.require("mcp:call")
        try:
            result = await self._sent(principal, ref.server, ref.tool, arguments, key)
        except UnknownToolError:
            # Nothing was sent: perhaps its own name is one that the protocol does not allow.
            tool = await to_thread.run_sync(self._spelled, principal.tenant_id, ref)
            if tool is None:
                raise
            result = await self._sent(principal, ref.server, tool, arguments, key)
        return _result(result, version)

    async def _sent(
        self, principal: Principal, server: str, tool: str, arguments: JsonObject, key: str | None
    ) -> ToolResult:
        once: str | None = None if key is None else own_key(principal, key)
        return await self._parts.toolhub.call(
            CallTool(
                tenant_id=principal.tenant_id,
                server=server,
                tool=tool,
                origin=CallOrigin(person=principal.subject),
                arguments=arguments,
                timeout_s=LONGEST_S,
                # Each request is a call of its own; what makes two the same is the key.
                call_id=None if once is None else uuid4().hex,
                idempotency_key=once,
            )
        )

    def _spelled(self, tenant_id: str, ref: ToolRef) -> str | None:
        wanted = f"{ref.server}__{ref.tool}"
        there = self._names(tenant_id, ref.server)
        return next((name for name in there if tool_name(ref.server, name) == wanted), None)

    def _names(self, tenant_id: str, server: str) -> Iterator[str]:
        token: str | None = None
        while True:
            page = self._parts.registry.find_tools(
                tenant_id, server=server, page_size=_PAGE, page_token=token
            )
            yield from (tool.name for tool in page.items)
            token = page.next_page_token
            if token is None:
                return


def own_key(principal: Principal, key: str) -> str:
    """Return a caller's key as nobody else's: not another person's, not an instance's."""
    # The ledger keeps 64 characters; these are 192 bits.
    return f"mcp-{digest([principal.subject, key])[:48]}"


def _result(result: ToolResult, version: str) -> JsonObject:
    answer: JsonObject = {**COMPLETE, "content": [*result.content], "isError": False}
    # Before 2026-07-28 structured content is an object or nothing.
    if result.is_structured and (
        version in MODERN_PROTOCOL_VERSIONS or isinstance(result.structured, dict)
    ):
        answer["structuredContent"] = result.structured
    if result.fallback is not None:
        why = result.fallback.model_dump(mode="json", exclude_none=True)
        answer["_meta"] = {DEGRADED_META: True, FALLBACK_META: why}
    return answer
