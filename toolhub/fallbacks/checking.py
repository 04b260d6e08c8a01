"""Whether what is to stand in for a tool can, as far as that is known beforehand."""

from typing import Final

from foundation.json import canonical
from foundation.schemas import compiled
from toolhub.directory import found_server, unknown_tool
from toolhub.errors import RegistrationError
from toolhub.fallbacks.giving import as_result, misfit
from toolhub.fallbacks.types import Fallback, StaticFallback, ToolFallback
from toolhub.models import McpTool
from toolhub.repository import ServerRows

# A policy is read with every look-up of its tool.
MAX_STATIC_BYTES: Final = 64 * 1024


def require_fallback(
    rows: ServerRows, server: str, tool: McpTool, fallback: Fallback | None
) -> None:
    """Check what is to stand in for a tool.

    Raises:
        RegistrationError: It cannot: it breaks what the tool promises, or is the tool itself.
        UnknownServerError: There is no such server to call instead.
        UnknownToolError: It has no such tool.
    """
    match fallback:
        case StaticFallback():
            _require_fit(server, tool, fallback)
        case ToolFallback():
            name = fallback.tool or tool.name
            if (fallback.server, name) == (server, tool.name):
                raise RegistrationError(
                    f"The tool '{name}' of the MCP server '{server}' cannot stand in for itself. "
                    "Name another server, or another of its tools."
                )
            other = found_server(rows, fallback.server)
            if rows.tool(other.id, name) is None:
                raise unknown_tool(fallback.server, name, rows.tool_names(other.id))
        case _:
            pass  # what it answers is known only when it has answered


def _require_fit(server: str, tool: McpTool, fallback: StaticFallback) -> None:
    what = f"The value that is to stand in for the tool '{tool.name}' of the MCP server '{server}'"
    try:
        spelled = canonical(fallback.value)
    except ValueError as error:
        raise RegistrationError(f"{what} is no JSON that can be kept: {error}.") from None
    if len(spelled) > MAX_STATIC_BYTES or b"\\u0000" in spelled:
        raise RegistrationError(
            f"{what} has to take {MAX_STATIC_BYTES:,} bytes at most, without NUL characters."
        )
    output = None if tool.output_schema is None else compiled(tool.output_schema)
    if wrong := misfit(as_result(fallback.value, output), output):
        raise RegistrationError(f"{what} does not fit its output_schema: {wrong}.")
