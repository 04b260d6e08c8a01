"""`call: mcp.tool`: a tool of an MCP server that the tenant has registered with the ToolHub."""

from typing import Final

from activities.mcp.types import McpCall
from workflows.definition import CallFunction
from workflows.interpreter.compiling import Place
from workflows.interpreter.requests import Blueprint, Value
from workflows.interpreter.tasks.call.activity import ActivityCall

# Tools open workbooks and drive machines; one that takes longer should be started and polled.
TIMEOUT_S: Final = 60.0


def compile_mcp_tool(task: CallFunction, place: Place) -> ActivityCall[McpCall]:
    """Compile a `call: mcp.tool` task; address, credential and schemas are the hub's."""
    given = task.with_ or {}
    return ActivityCall(
        activity="mcp-call",
        blueprint=Blueprint(
            McpCall,
            place.secrets,
            {name: Value(place.template(value)) for name, value in given.items()},
        ),
        label=lambda request: f"{request.server} {request.tool}",
        timeout_s=TIMEOUT_S,
    )
