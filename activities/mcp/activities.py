"""`mcp-call` and `mcp-request`: hand over to the ToolHub, report while it works."""

from dataclasses import dataclass
from typing import Final

from temporalio import activity

from activities.faults import translated
from activities.heartbeat import Beat, beating
from activities.mcp.types import McpCall, McpRequest
from activities.patience import patiently
from activities.types import ActivityResult, result_of
from foundation.json import digest
from toolhub.hub import ToolHub
from toolhub.schemas import CallTool, OnProgress
from toolhub.schemas import McpRequest as Request

# Of what a server says about its progress; Temporal keeps the last report.
_SHOWN_CHARS: Final = 200


@dataclass(frozen=True)
class McpActivities:
    """Activities over one hub."""

    hub: ToolHub

    @activity.defn(name="mcp-call")
    async def mcp_call(self, call: McpCall) -> ActivityResult:
        """Call a tool of a registered server."""
        with translated():
            async with beating() as beat:
                request = CallTool(
                    tenant_id=call.tenant_id,
                    server=call.server,
                    tool=call.tool,
                    arguments=call.arguments,
                    timeout_s=call.timeout_s,
                    idempotency_key=_same_on_every_attempt(),
                    maybe_sent=beat.lost,
                    on_send=beat.now_sent,
                    on_progress=_told(beat),
                )
                result = await patiently(lambda: self.hub.call(request))
                return result_of(result.value)

    @activity.defn(name="mcp-request")
    async def mcp_request(self, request: McpRequest) -> ActivityResult:
        """Send one request to a server by its address."""
        with translated():
            async with beating() as beat:
                result = await self.hub.request(
                    Request(
                        tenant_id=request.tenant_id,
                        url=request.uri,
                        method=request.method,
                        params=request.parameters,
                        headers=_headers(request),
                        protocol_version=request.protocol_version,
                        client_name=request.client_name,
                        client_version=request.client_version,
                        timeout_s=request.timeout_s,
                        maybe_sent=beat.lost,
                        on_send=beat.now_sent,
                        on_progress=_told(beat),
                    )
                )
                return result_of(result)


def _same_on_every_attempt() -> str:
    # Hashed: it goes to servers whom the names of tenants and workflows do not concern.
    info = activity.info()
    return digest([info.workflow_id, info.workflow_run_id, info.activity_id])


def _told(beat: Beat) -> OnProgress:
    async def told(progress: float, total: float | None, message: str | None) -> None:
        shown = message[:_SHOWN_CHARS] if message else None
        beat.report({"progress": progress, "total": total, "message": shown})

    return told


def _headers(request: McpRequest) -> dict[str, str]:
    if request.login is None:
        return request.headers
    return {**request.headers, "authorization": request.login.authorization}
