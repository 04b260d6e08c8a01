"""Calls that are not made because the tool is not what it was. They certainly did not run."""

from typing import Final

from toolhub.discovery import FoundTool
from toolhub.errors import ToolPinError, ToolQuarantinedError
from toolhub.models import McpTool, McpToolDrift, McpToolVersion
from toolhub.pinning.drift import changes, gravest
from toolhub.pinning.judging import GRAVE
from toolhub.pinning.repository import ToolRows
from toolhub.views import fields_of

_SHOWN_SHA: Final = 12


def quarantined(server: str, drift: McpToolDrift) -> ToolQuarantinedError:
    """Return the error for a tool whose change waits for somebody."""
    first = drift.changes[0] if drift.changes else {}
    what = f" {first.get('why')} ({first.get('pointer')})" if first.get("pointer") else ""
    return ToolQuarantinedError(
        f"The tool '{drift.name}' of the MCP server '{server}' was not called: the server has "
        f"changed it ({drift.drift}) and nobody has accepted that.{what} Somebody with the "
        f"permission mcp:manage looks at GET /api/v1/mcp/servers/{server}/tools/{drift.name}/drift "
        f"and accepts it with POST /api/v1/mcp/servers/{server}/tools/{drift.name}:accept.",
        details={"drift": drift.drift, "sha256": drift.sha256},
    )


def pinned(rows: ToolRows, server: str, tool: McpTool, sha256: str) -> McpToolVersion:
    """Return the version that a caller pins, when the tool as it is now still takes its calls.

    Raises:
        ToolPinError: When there never was one, or a call of it may mean something else by now.
    """
    who = (
        f"The tool '{tool.name}' of the MCP server '{server}' is not the pinned one, so it is not "
        "called:"
    )
    then = (
        f"GET /api/v1/mcp/servers/{server}/tools/{tool.name}/versions shows both; then publish the "
        "workflow with the sha256 that is meant."
    )
    version = rows.by_fingerprint(tool.server_id, tool.name, sha256)
    if version is None:
        raise ToolPinError(
            f"{who} '{sha256[:_SHOWN_SHA]}', which the definition pins, is no version of it here. "
            f"It is '{tool.sha256[:_SHOWN_SHA]}' now. {then}"
        )
    found = changes(FoundTool(**fields_of(version)), FoundTool(**fields_of(tool)))
    if gravest(found) in GRAVE:
        raise ToolPinError(
            f"{who} the definition pins version {version.version} ('{sha256[:_SHOWN_SHA]}'), and "
            f"the server's tool is another one now: version {tool.version} "
            f"('{tool.sha256[:_SHOWN_SHA]}'), {gravest(found)}: {found[0].why} "
            f"({found[0].pointer}). {then}"
        )
    return version
