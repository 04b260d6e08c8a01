"""`call: openapi`: an operation of an API that describes itself."""

from dataclasses import dataclass

from activities.http.types import OpenApiCall, Output
from activities.types import ActivityResult
from foundation.json import JsonValue
from workflows.definition import CallOpenApi
from workflows.expressions import Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome
from workflows.interpreter.tasks.call.endpoint import (
    Authentication,
    Endpoint,
    compile_authentication,
    compile_endpoint,
)
from workflows.interpreter.tasks.call.http import TIMEOUT_S


@dataclass(frozen=True, slots=True)
class OpenApi:
    """Fill the parameters in here; the activity knows the document."""

    document: Endpoint
    operation_id: str
    parameters: Template
    authentication: Authentication | None
    output: Output
    redirect: bool

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        document_uri, document_login = self.document.resolve(value, frame)
        parameters = frame.evaluate(self.parameters, value) or {}
        if not isinstance(parameters, dict):
            raise Fault.of("expression", "The parameters of an operation are an object")
        request = OpenApiCall(
            tenant_id=frame.run.tenant_id,
            document_uri=document_uri,
            document_login=document_login,
            operation_id=self.operation_id,
            parameters=parameters,
            output=self.output,
            redirect=self.redirect,
            login=self.authentication.login(value, frame) if self.authentication else None,
            timeout_s=TIMEOUT_S,
        )
        answer = await frame.run.calls.execute(
            "openapi-call",
            request,
            ActivityResult,
            activity_id=frame.path,
            summary=f"{frame.path} {self.operation_id}",
            # The document may have to be read first.
            timeout_s=2 * request.timeout_s,
        )
        frame.attempts = answer.attempts
        return Outcome(answer.value)


def compile_openapi(task: CallOpenApi, place: Place) -> OpenApi:
    """Compile a `call: openapi` task."""
    given = task.with_
    return OpenApi(
        document=compile_endpoint(given.document.endpoint, place),
        operation_id=given.operation_id,
        parameters=place.template(given.parameters),
        authentication=compile_authentication(given.authentication, place),
        output=given.output,
        redirect=given.redirect,
    )
