"""`mcp-call` and `mcp-request`: hand over to the ToolHub, report while it works."""

from dataclasses import dataclass
from typing import Final

from temporalio import activity

from activities.logins.authenticator import Authenticator
from activities.logins.types import ReadyLogin, authorization
from activities.mcp.types import McpCall, McpRequest
from activities.patience import patiently
from activities.types import ActivityResult
from activities.work import Opener, Work, working
from foundation.json import JsonObject, digest
from toolhub.hub import ToolHub
from toolhub.schemas import CallOrigin, CallTool, OnProgress
from toolhub.schemas import McpRequest as Request

# Of what a server says about its progress; Temporal keeps the last report.
_SHOWN_CHARS: Final = 200


@dataclass(frozen=True)
class McpActivities:
    """Activities over one hub."""

    hub: ToolHub
    opener: Opener
    logins: Authenticator

    @activity.defn(name="mcp-call")
    async def mcp_call(self, call: McpCall) -> ActivityResult:
        """Call a tool of a registered server."""
        async with working(self.opener, call) as work:
            request = CallTool(
                tenant_id=call.tenant_id,
                server=work.request.server,
                tool=work.request.tool,
                origin=_origin(call.tenant_id),
                sha256=work.request.sha256,
                arguments=work.request.arguments,
                timeout_s=call.timeout_s,
                call_id=_call_id(),
                idempotency_key=_chosen_key(work.request),
                on_send=work.beat.now_sent,
                on_progress=_told(work),
            )
            result = await patiently(lambda: self.hub.call(request))
            return work.result(result.value)

    @activity.defn(name="mcp-request")
    async def mcp_request(self, request: McpRequest) -> ActivityResult:
        """Send one request to a server by its address."""
        async with working(self.opener, request) as work:

            async def send(login: ReadyLogin | None) -> JsonObject:
                return await self.hub.request(_as_request(work, login))

            result = await self.logins.logged_in(work, work.request.login, send)
            return work.result(result)


# Hashed, both: they go to servers whom the names of tenants and workflows do not concern.


def _call_id() -> str:
    """Return what is the same on every attempt."""
    info = activity.info()
    return digest([info.workflow_id, info.workflow_run_id, info.activity_id])


def _origin(tenant_id: str) -> CallOrigin:
    info = activity.info()
    # Callers of the API know an instance by its own name: without the tenant, and with dots.
    name = (info.workflow_id or "").removeprefix(f"{tenant_id}/").replace("/", ".", 2)
    return CallOrigin(
        instance_id=name or None,
        run_id=info.workflow_run_id,
        task=info.activity_id,
        attempt=info.attempt,
    )


def _chosen_key(request: McpCall | McpRequest) -> str | None:
    """Return what makes calls the same one, where the author of the definition says so."""
    if request.idempotency_key is None:
        return None
    return digest([request.tenant_id, request.idempotency_key])


def _told(work: Work[McpCall] | Work[McpRequest]) -> OnProgress:
    async def told(progress: float, total: float | None, message: str | None) -> None:
        shown = message[:_SHOWN_CHARS] if message else None
        work.report({"progress": progress, "total": total, "message": shown})

    return told


def _as_request(work: Work[McpRequest], login: ReadyLogin | None) -> Request:
    opened = work.request
    return Request(
        tenant_id=opened.tenant_id,
        url=opened.uri,
        method=opened.method,
        params=opened.parameters,
        headers=_headers(opened, login),
        protocol_version=opened.protocol_version,
        client_name=opened.client_name,
        client_version=opened.client_version,
        timeout_s=opened.timeout_s,
        call_id=_call_id(),
        idempotency_key=_chosen_key(opened),
        on_send=work.beat.now_sent,
        on_progress=_told(work),
    )


def _headers(request: McpRequest, login: ReadyLogin | None) -> dict[str, str]:
    if login is None:
        return request.headers
    return {**request.headers, "authorization": authorization(login)}
