"""`call: mcp.tool`: a tool of an MCP server that the tenant has registered with the ToolHub."""

from dataclasses import dataclass
from typing import Final

from activities.mcp.types import McpCall
from activities.types import ActivityResult
from foundation.json import JsonValue
from workflows.definition import CallFunction
from workflows.expressions import Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome

# Tools open workbooks and drive machines; one that takes longer should be started and polled.
TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class McpTool:
    """Name the tool here; address, credential and schemas are the hub's."""

    arguments: Template

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        given = frame.evaluate(self.arguments, value)
        request = _request(given, frame.run.tenant_id)
        answer = await frame.run.calls.execute(
            "mcp-call",
            request,
            ActivityResult,
            activity_id=frame.path,
            summary=f"{frame.path} {request.server} {request.tool}",
            timeout_s=request.timeout_s,
        )
        frame.attempts = answer.attempts
        return Outcome(answer.value)


def _request(given: JsonValue, tenant_id: str) -> McpCall:
    fields = given if isinstance(given, dict) else {}
    server, tool, arguments = fields.get("server"), fields.get("tool"), fields.get("arguments", {})
    if not isinstance(server, str) or not isinstance(tool, str) or not isinstance(arguments, dict):
        raise Fault.of(
            "validation",
            "The tool call is incomplete",
            "'mcp.tool' needs 'server' and 'tool' as text and 'arguments' as an object.",
        )
    return McpCall(
        tenant_id=tenant_id, server=server, tool=tool, arguments=arguments, timeout_s=TIMEOUT_S
    )


def compile_mcp_tool(task: CallFunction, place: Place) -> McpTool:
    """Compile a `call: mcp.tool` task."""
    return McpTool(place.template(task.with_ or {}))
