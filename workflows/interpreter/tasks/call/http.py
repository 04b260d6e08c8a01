"""`call: http`: one HTTP request."""

from activities.http.types import HttpCall
from workflows.definition import CallHttp
from workflows.interpreter.compiling import Place
from workflows.interpreter.requests import Blueprint, Value
from workflows.interpreter.tasks.call.activity import ActivityCall
from workflows.interpreter.tasks.call.endpoint import compile_endpoint


def compile_http(task: CallHttp, place: Place) -> ActivityCall[HttpCall]:
    """Compile a `call: http` task."""
    given = task.with_
    endpoint = compile_endpoint(given.endpoint, place)
    return ActivityCall(
        activity="http-call",
        blueprint=Blueprint(
            HttpCall,
            place.secrets,
            {
                "uri": endpoint.uri,
                "login": endpoint.login,
                "headers": Value(place.template(given.headers)),
                "query": Value(place.template(given.query)),
                "body": Value(place.template(given.body)),
            },
        ),
        label=lambda request: request.method,
        fixed={
            "method": given.method.upper(),
            "output": given.output,
            "redirect": given.redirect,
        },
    )
