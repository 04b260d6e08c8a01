"""HTTP in, registered MCP servers out. Credentials come in here and never go out."""

from typing import Annotated, Final

from fastapi import APIRouter, Response

from api.addresses import base_url
from api.dependencies import ServicesDep, require
from api.mcp import consents
from api.mcp.schemas import (
    IfMatch,
    InstanceFilter,
    PageSize,
    PageToken,
    ServerFilter,
    ServerName,
    Since,
    StatusFilter,
    ToolFilter,
    ToolName,
    Until,
    Words,
)
from security.principal import Principal
from toolhub.calls.schemas import CallFilter, CallPage
from toolhub.consents.types import ConsentInfo, ConsentStart
from toolhub.health.schemas import HealthInfo, HealthPage
from toolhub.importing.types import ImportOutcome, ImportRequest, ImportResult
from toolhub.policies.types import PolicyInfo, ToolPolicy
from toolhub.protection import BreakerChange, BreakerInfo
from toolhub.schemas import (
    Acceptance,
    CallOrigin,
    CallTool,
    DriftInfo,
    DriftPage,
    ServerChange,
    ServerInfo,
    ServerPage,
    ServerRegistration,
    ToolAnswer,
    ToolInfo,
    ToolPage,
    ToolTrial,
    ToolVersionPage,
)

router = APIRouter(prefix="/api/v1/mcp", tags=["mcp"])

Reader = Annotated[Principal, require("mcp:read")]
Manager = Annotated[Principal, require("mcp:manage")]
PROGRAMS: Final = "mcp:programs"
Caller = Annotated[Principal, require("mcp:call")]


@router.post("/servers", status_code=201)
async def register_mcp_server(
    body: ServerRegistration, principal: Manager, parts: ServicesDep, response: Response
) -> ServerInfo:
    """Register a server. It is asked for its tools first; one that does not answer is not stored.

    The credential is stored encrypted and never shown again. A program (`stdio`) needs the
    permission `mcp:programs`, too.
    """
    server = await parts.registry.register(
        principal.tenant_id, body, may_programs=PROGRAMS in principal.permissions
    )
    response.headers["Location"] = f"{router.prefix}/servers/{server.name}"
    return _with_etag(server, response)


@router.post(
    "/servers:import",
    responses={
        200: {"description": "It was updated, nothing had changed, or it was only a look."},
        201: {"description": "It is registered.", "model": ImportResult},
    },
)
async def import_mcp_server(
    body: ImportRequest, principal: Manager, parts: ServicesDep, response: Response
) -> ImportResult:
    """Register what a `server.json` of the MCP registry describes, or update it.

    The same document again changes nothing. With `dry_run` nothing is stored, and the answer shows
    what would be and what is missing. A package is never installed: it is a program of this
    installation's list, and needs the permission `mcp:programs`, too.
    """
    found = await parts.imports.run(
        principal.tenant_id, body, may_programs=PROGRAMS in principal.permissions
    )
    if found.server is not None:
        if found.outcome is ImportOutcome.REGISTERED:
            response.status_code = 201
            response.headers["Location"] = f"{router.prefix}/servers/{found.server.name}"
        _with_etag(found.server, response)
    return found


@router.get("/servers")
def list_mcp_servers(
    principal: Reader, parts: ServicesDep, page_size: PageSize = 50, page_token: PageToken = None
) -> ServerPage:
    """List servers by name."""
    return parts.registry.list_servers(
        principal.tenant_id, page_size=page_size, page_token=page_token
    )


@router.get("/servers/{server}")
def get_mcp_server(
    server: ServerName, principal: Reader, parts: ServicesDep, response: Response
) -> ServerInfo:
    """Look at one server."""
    return _with_etag(parts.registry.get(principal.tenant_id, server), response)


@router.patch("/servers/{server}")
async def update_mcp_server(
    *,
    server: ServerName,
    body: ServerChange,
    principal: Manager,
    parts: ServicesDep,
    response: Response,
    if_match: IfMatch = None,
) -> ServerInfo:
    """Change a server. What is left out stays; a new address needs the credential again."""
    changed = await parts.registry.update(
        principal.tenant_id,
        server,
        body,
        etag=if_match,
        may_programs=PROGRAMS in principal.permissions,
    )
    return _with_etag(changed, response)


@router.delete("/servers/{server}", status_code=204)
def delete_mcp_server(server: ServerName, principal: Manager, parts: ServicesDep) -> None:
    """Remove a server, its tools and its credential."""
    parts.registry.delete(principal.tenant_id, server)


@router.post("/servers/{server}:refresh")
async def refresh_mcp_server(
    server: ServerName, principal: Manager, parts: ServicesDep, response: Response
) -> ServerInfo:
    """Ask a server again for its tools. When that fails, those that are known stay."""
    return _with_etag(await parts.registry.refresh(principal.tenant_id, server), response)


@router.post("/servers/{server}:check")
async def check_mcp_server(
    server: ServerName, principal: Manager, parts: ServicesDep
) -> HealthInfo:
    """Ask a server now whether it is there. No tool is called."""
    return await parts.health.check(principal.tenant_id, server)


@router.post("/servers/{server}:authorize", status_code=201)
async def authorize_mcp_server(
    server: ServerName, principal: Manager, parts: ServicesDep
) -> ConsentStart:
    """Begin to let a server be used as yourself: open the address in your browser, and agree there.

    It can be used once, within ten minutes.
    """
    base = base_url(parts.settings.api)
    return await parts.consenting.begin(
        principal.tenant_id,
        server,
        by=principal.subject,
        redirect_uri=f"{base}{consents.CALLBACK}",
        described_at=f"{base}{consents.DESCRIPTION}" if base.startswith("https:") else None,
    )


@router.get("/servers/{server}/consent")
async def get_mcp_consent(server: ServerName, principal: Reader, parts: ServicesDep) -> ConsentInfo:
    """Look at what somebody has agreed to."""
    return await parts.consenting.get(principal.tenant_id, server)


@router.delete("/servers/{server}/consent", status_code=204)
async def delete_mcp_consent(server: ServerName, principal: Manager, parts: ServicesDep) -> None:
    """Drop what somebody has agreed to, and its tokens. Take it back at the other side, too."""
    await parts.consenting.forget(principal.tenant_id, server, by=principal.subject)


@router.get("/health")
async def list_mcp_health(
    principal: Reader, parts: ServicesDep, page_size: PageSize = 50, page_token: PageToken = None
) -> HealthPage:
    """List how servers are: the last check, the breaker, what of their tools is in quarantine."""
    return await parts.health.overview(
        principal.tenant_id, page_size=page_size, page_token=page_token
    )


@router.get("/servers/{server}/breaker")
async def get_mcp_breaker(server: ServerName, principal: Reader, parts: ServicesDep) -> BreakerInfo:
    """Look at the breaker of a server: what it has found out, and what it has kept back."""
    return await parts.breakers.get(principal.tenant_id, server)


@router.put("/servers/{server}/breaker")
async def put_mcp_breaker(
    server: ServerName, body: BreakerChange, principal: Manager, parts: ServicesDep
) -> BreakerInfo:
    """Decide in place of the breaker, or let it decide again. It begins anew."""
    return await parts.breakers.put(principal.tenant_id, server, body, by=principal.subject)


@router.get("/servers/{server}/tools")
def list_mcp_server_tools(
    server: ServerName,
    principal: Reader,
    parts: ServicesDep,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> ToolPage:
    """List the tools of one server."""
    return parts.registry.find_tools(
        principal.tenant_id, server=server, page_size=page_size, page_token=page_token
    )


@router.get("/servers/{server}/tools/{tool}")
def get_mcp_tool(
    server: ServerName, tool: ToolName, principal: Reader, parts: ServicesDep
) -> ToolInfo:
    """Look at one tool: what it takes, what it promises, whether it may be repeated."""
    return parts.registry.get_tool(principal.tenant_id, server, tool)


@router.get("/tools")
def find_mcp_tools(
    *,
    principal: Reader,
    parts: ServicesDep,
    q: Words = None,
    server: ServerFilter = None,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> ToolPage:
    """Find tools of all servers."""
    return parts.registry.find_tools(
        principal.tenant_id, text=q, server=server, page_size=page_size, page_token=page_token
    )


@router.get("/servers/{server}/tools/{tool}/versions")
def list_mcp_tool_versions(
    *,
    server: ServerName,
    tool: ToolName,
    principal: Reader,
    parts: ServicesDep,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> ToolVersionPage:
    """List what a tool was, the newest version first; also of a tool that is gone."""
    return parts.drifts.versions(
        principal.tenant_id, server, tool, page_size=page_size, page_token=page_token
    )


@router.get("/servers/{server}/tools/{tool}/drift")
def get_mcp_tool_drift(
    server: ServerName, tool: ToolName, principal: Reader, parts: ServicesDep
) -> DriftInfo:
    """Look at the change of a tool that waits to be accepted, difference by difference."""
    return parts.drifts.get(principal.tenant_id, server, tool)


@router.post("/servers/{server}/tools/{tool}:accept")
def accept_mcp_tool_drift(
    *,
    server: ServerName,
    tool: ToolName,
    body: Acceptance,
    principal: Manager,
    parts: ServicesDep,
) -> ToolInfo:
    """Accept the change of a tool that you have looked at; it may be called again."""
    return parts.drifts.accept(
        principal.tenant_id, server, tool, sha256=body.sha256, by=principal.subject
    )


@router.get("/servers/{server}/tools/{tool}/policy")
def get_mcp_tool_policy(
    server: ServerName, tool: ToolName, principal: Reader, parts: ServicesDep
) -> PolicyInfo:
    """Look at what was decided about a tool."""
    return parts.policies.get(principal.tenant_id, server, tool)


@router.put("/servers/{server}/tools/{tool}/policy")
def put_mcp_tool_policy(
    *,
    server: ServerName,
    tool: ToolName,
    body: ToolPolicy,
    principal: Manager,
    parts: ServicesDep,
) -> PolicyInfo:
    """Decide what holds for a tool, whatever its server says. It replaces what was decided."""
    return parts.policies.put(principal.tenant_id, server, tool, body, by=principal.subject)


@router.delete("/servers/{server}/tools/{tool}/policy", status_code=204)
def delete_mcp_tool_policy(
    server: ServerName, tool: ToolName, principal: Manager, parts: ServicesDep
) -> None:
    """Let hold again what the server says of a tool."""
    parts.policies.delete(principal.tenant_id, server, tool, by=principal.subject)


@router.get("/drifts")
def list_mcp_drifts(
    *,
    principal: Reader,
    parts: ServicesDep,
    server: ServerFilter = None,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> DriftPage:
    """List the changes of tools that wait to be accepted. Calls of these tools are refused."""
    return parts.drifts.list(
        principal.tenant_id, server=server, page_size=page_size, page_token=page_token
    )


@router.post("/tools/call")
async def call_mcp_tool(body: ToolTrial, principal: Caller, parts: ServicesDep) -> ToolAnswer:
    """Call a tool as a workflow would, to try it. It runs: nothing about it is simulated.

    When it cannot be called and its policy has a fallback, the answer is `degraded` and says why.
    """
    result = await parts.toolhub.call(
        CallTool(
            tenant_id=principal.tenant_id,
            server=body.server,
            tool=body.tool,
            origin=CallOrigin(person=principal.subject),
            sha256=body.sha256,
            arguments=body.arguments,
            timeout_s=body.timeout_s,
        )
    )
    return ToolAnswer(
        value=result.value,
        content=result.content,
        structured=result.structured,
        degraded=result.fallback is not None,
        fallback=result.fallback,
    )


@router.get("/calls")
def list_mcp_calls(
    *,
    principal: Reader,
    parts: ServicesDep,
    server: ServerFilter = None,
    tool: ToolFilter = None,
    status: StatusFilter = None,
    instance: InstanceFilter = None,
    since: Since = None,
    until: Until = None,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> CallPage:
    """List the calls of tools, the newest first. Of what was sent and answered there are hashes."""
    wanted = CallFilter(
        server=server, tool=tool, status=status, instance_id=instance, since=since, until=until
    )
    return parts.calls.list(principal.tenant_id, wanted, page_size=page_size, page_token=page_token)


def _with_etag(server: ServerInfo, response: Response) -> ServerInfo:
    response.headers["ETag"] = server.etag
    response.headers["Cache-Control"] = "private, no-cache"
    return server
