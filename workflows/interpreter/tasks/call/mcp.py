"""`call: mcp`: the language's own form, for any MCP server by its address or its command."""

from activities.mcp.types import McpRequest
from workflows.definition import CallMcp, McpTransport
from workflows.interpreter.compiling import Place
from workflows.interpreter.requests import Blueprint, Part, Value
from workflows.interpreter.tasks.call.activity import ActivityCall
from workflows.interpreter.tasks.call.endpoint import compile_endpoint
from workflows.interpreter.tasks.call.mcp_tool import TIMEOUT_S


def compile_mcp(task: CallMcp, place: Place) -> ActivityCall[McpRequest]:
    """Compile a `call: mcp` task."""
    given = task.with_
    parts, program = _where(given.transport, place)
    parts["parameters"] = Value(place.template(given.parameters))
    return ActivityCall(
        activity="mcp-request",
        blueprint=Blueprint(McpRequest, place.secrets, parts),
        label=lambda request: request.method,
        fixed={
            "method": given.method,
            "protocol_version": given.protocol_version,
            "client_name": given.client.name if given.client else None,
            "client_version": given.client.version if given.client else None,
            **program,
        },
        timeout=place.delay(given.timeout) if given.timeout is not None else None,
        timeout_s=TIMEOUT_S,
    )


def _where(
    transport: McpTransport, place: Place
) -> tuple[dict[str, Part | None], dict[str, object]]:
    """Return what of the server is computed, and what is as it is written."""
    if transport.stdio is not None:
        stdio = transport.stdio
        return {}, {"command": stdio.command, "arguments": tuple(stdio.arguments)}
    if transport.http is None:
        raise ValueError("The checks let no transport through that is none.")
    endpoint = compile_endpoint(transport.http.endpoint, place)
    headers = Value(place.template(transport.http.headers))
    return {"uri": endpoint.uri, "login": endpoint.login, "headers": headers}, {}
