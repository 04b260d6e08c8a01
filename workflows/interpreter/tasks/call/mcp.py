"""`call: mcp`: the language's own form, for any MCP server by its address."""

from activities.mcp.types import McpRequest
from workflows.definition import CallMcp
from workflows.interpreter.compiling import Place
from workflows.interpreter.requests import Blueprint, Value
from workflows.interpreter.tasks.call.activity import ActivityCall
from workflows.interpreter.tasks.call.endpoint import compile_endpoint
from workflows.interpreter.tasks.call.mcp_tool import TIMEOUT_S


def compile_mcp(task: CallMcp, place: Place) -> ActivityCall[McpRequest]:
    """Compile a `call: mcp` task; the checks let only the HTTP transport through."""
    given = task.with_
    http = given.transport.http
    if http is None:
        raise ValueError("MCP over stdio is not executed.")
    endpoint = compile_endpoint(http.endpoint, place)
    return ActivityCall(
        activity="mcp-request",
        blueprint=Blueprint(
            McpRequest,
            place.secrets,
            {
                "uri": endpoint.uri,
                "login": endpoint.login,
                "headers": Value(place.template(http.headers)),
                "parameters": Value(place.template(given.parameters)),
            },
        ),
        label=lambda request: request.method,
        fixed={
            "method": given.method,
            "protocol_version": given.protocol_version,
            "client_name": given.client.name if given.client else None,
            "client_version": given.client.version if given.client else None,
        },
        timeout=place.delay(given.timeout) if given.timeout is not None else None,
        timeout_s=TIMEOUT_S,
    )
