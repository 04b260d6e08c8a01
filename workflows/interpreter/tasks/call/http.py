"""`call: http`: one HTTP request."""

from dataclasses import dataclass
from typing import Final

from activities.http.types import HttpCall, Output
from activities.types import ActivityResult
from foundation.json import JsonValue
from workflows.definition import CallHttp
from workflows.expressions import Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome
from workflows.interpreter.tasks.call.endpoint import Endpoint, compile_endpoint

# A request without a task timeout: longer than any page, shorter than a person's patience.
TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Http:
    """Fill the request in here, send it from an activity."""

    method: str
    endpoint: Endpoint
    headers: Template
    query: Template
    body: Template
    output: Output
    redirect: bool

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        uri, login = self.endpoint.resolve(value, frame)
        headers = frame.evaluate(self.headers, value) or {}
        query = frame.evaluate(self.query, value) or {}
        if not isinstance(headers, dict) or not isinstance(query, dict):
            raise Fault.of("expression", "Headers and query of a request are objects")
        request = HttpCall(
            tenant_id=frame.run.tenant_id,
            method=self.method.upper(),
            uri=uri,
            headers={name: str(text) for name, text in headers.items()},
            query=query,
            body=frame.evaluate(self.body, value),
            output=self.output,
            redirect=self.redirect,
            login=login,
            timeout_s=TIMEOUT_S,
        )
        answer = await frame.run.calls.execute(
            "http-call",
            request,
            ActivityResult,
            activity_id=frame.path,
            summary=f"{frame.path} {request.method}",
            timeout_s=request.timeout_s,
        )
        frame.attempts = answer.attempts
        return Outcome(answer.value)


def compile_http(task: CallHttp, place: Place) -> Http:
    """Compile a `call: http` task."""
    given = task.with_
    return Http(
        method=given.method,
        endpoint=compile_endpoint(given.endpoint, place),
        headers=place.template(given.headers),
        query=place.template(given.query),
        body=place.template(given.body),
        output=given.output,
        redirect=given.redirect,
    )
