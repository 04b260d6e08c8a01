"""Where people come back to from agreeing, and where others read who we are.

Nobody logs in here: whoever comes back brings a secret that one person was given, once.
"""

from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse

from api.addresses import base_url
from api.dependencies import ServicesDep
from foundation.errors import MillwrightError
from toolhub.consents.clients import description
from toolhub.consents.types import ConsentAnswer

router = APIRouter(tags=["mcp"])

CALLBACK: Final = "/api/v1/mcp/oauth/callback"
# From one authorization server.
CALLBACK_OF: Final = f"{CALLBACK}/{{issuer}}"
DESCRIPTION: Final = "/api/v1/mcp/oauth/client-metadata.json"
_QUIET: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_log = structlog.get_logger(__name__)

Text = Annotated[str | None, Query(max_length=8192)]


@router.get(CALLBACK, include_in_schema=False)
@router.get(CALLBACK_OF, include_in_schema=False)
async def finish_mcp_consent(
    *,
    request: Request,
    parts: ServicesDep,
    state: Annotated[str, Query(max_length=512)],
    code: Text = None,
    iss: Text = None,
    error: Text = None,
) -> PlainTextResponse:
    """Keep what somebody has agreed to, and ask the server for its tools."""
    issuer = request.path_params.get("issuer")
    path = CALLBACK if issuer is None else CALLBACK_OF.format(issuer=issuer)
    came_to = f"{base_url(parts.settings.api)}{path}"
    answer = ConsentAnswer(state=state, came_to=came_to, code=code, iss=iss, error=error)
    tenant_id, server = await parts.consenting.complete(answer)
    try:
        tools = (await parts.registry.refresh(tenant_id, server)).tool_count
    except MillwrightError as refused:
        _log.warning("mcp_server_not_asked", tenant=tenant_id, server=server, why=refused.code)
        said = f"It was not asked for its tools yet: {refused.message}"
    else:
        said = f"It has {tools} tools."
    return PlainTextResponse(
        f"Millwright may now use the MCP server '{server}' as you. {said} You may close this page.",
        headers=_QUIET,
    )


@router.get(DESCRIPTION, include_in_schema=False)
async def describe_mcp_client(parts: ServicesDep) -> dict[str, Any]:
    """Tell authorization servers who we are: our address is the name of the client."""
    base = base_url(parts.settings.api)
    return description(f"{base}{DESCRIPTION}", f"{base}{CALLBACK}")
