"""`call: mcp`: the language's own form, for any MCP server by its address."""

from dataclasses import dataclass

from activities.mcp.types import McpRequest
from activities.types import ActivityResult
from foundation.json import JsonValue
from workflows.definition import CallMcp
from workflows.expressions import Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome
from workflows.interpreter.tasks.call.endpoint import Endpoint, compile_endpoint
from workflows.interpreter.tasks.call.mcp_tool import TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Mcp:
    """One request over Streamable HTTP; the output is the JSON-RPC result."""

    method: str
    parameters: Template
    endpoint: Endpoint
    headers: Template
    protocol_version: str
    client_name: str | None
    client_version: str | None
    timeout: Delay | None

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        uri, login = self.endpoint.resolve(value, frame)
        parameters = frame.evaluate(self.parameters, value) or {}
        headers = frame.evaluate(self.headers, value) or {}
        if not isinstance(parameters, dict) or not isinstance(headers, dict):
            raise Fault.of("expression", "Parameters and headers of an MCP call are objects")
        request = McpRequest(
            tenant_id=frame.run.tenant_id,
            uri=uri,
            login=login,
            headers={name: str(text) for name, text in headers.items()},
            method=self.method,
            parameters=parameters,
            protocol_version=self.protocol_version,
            client_name=self.client_name,
            client_version=self.client_version,
            timeout_s=self.timeout.seconds(value, frame) if self.timeout else TIMEOUT_S,
        )
        answer = await frame.run.calls.execute(
            "mcp-request",
            request,
            ActivityResult,
            activity_id=frame.path,
            summary=f"{frame.path} {self.method}",
            timeout_s=request.timeout_s,
        )
        frame.attempts = answer.attempts
        return Outcome(answer.value)


def compile_mcp(task: CallMcp, place: Place) -> Mcp:
    """Compile a `call: mcp` task; the checks let only the HTTP transport through."""
    given = task.with_
    http = given.transport.http
    if http is None:
        raise ValueError("MCP over stdio is not executed.")
    return Mcp(
        method=given.method,
        parameters=place.template(given.parameters),
        endpoint=compile_endpoint(http.endpoint, place),
        headers=place.template(http.headers),
        protocol_version=given.protocol_version,
        client_name=given.client.name if given.client else None,
        client_version=given.client.version if given.client else None,
        timeout=place.delay(given.timeout) if given.timeout is not None else None,
    )
