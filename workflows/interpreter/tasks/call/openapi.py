"""`call: openapi`: an operation of an API that describes itself."""

from activities.http.types import OpenApiCall
from workflows.definition import CallOpenApi
from workflows.interpreter.compiling import Place
from workflows.interpreter.requests import Blueprint, Value
from workflows.interpreter.tasks.call.activity import ActivityCall
from workflows.interpreter.tasks.call.endpoint import compile_endpoint, compile_login


def compile_openapi(task: CallOpenApi, place: Place) -> ActivityCall[OpenApiCall]:
    """Compile a `call: openapi` task."""
    given = task.with_
    document = compile_endpoint(given.document.endpoint, place)
    return ActivityCall(
        activity="openapi-call",
        blueprint=Blueprint(
            OpenApiCall,
            place.secrets,
            {
                "document_uri": document.uri,
                "document_login": document.login,
                "parameters": Value(place.template(given.parameters)),
                "login": compile_login(given.authentication, place),
            },
        ),
        label=lambda request: request.operation_id,
        fixed={
            "operation_id": given.operation_id,
            "output": given.output,
            "redirect": given.redirect,
        },
        # The document may have to be read first.
        exchanges=2,
    )
