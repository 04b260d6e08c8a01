"""`call: asyncapi`: send a message to what an AsyncAPI document describes, or take some.

What the document means, and which protocol that is, the activities find out.
"""

from collections.abc import Mapping
from typing import TypeVar

from activities.asyncapi.types import AsyncApiCall, AsyncApiConsume, AsyncApiPublish
from workflows.definition import AsyncApiArguments, CallAsyncApi
from workflows.interpreter.compiling import Place
from workflows.interpreter.requests import Blueprint, Part, Value
from workflows.interpreter.steps import Body
from workflows.interpreter.tasks.call.activity import ActivityCall
from workflows.interpreter.tasks.call.endpoint import compile_endpoint, compile_login
from workflows.interpreter.tasks.call.subscription import compile_subscription

R = TypeVar("R", bound=AsyncApiCall)


def compile_asyncapi(task: CallAsyncApi, place: Place) -> Body:
    """Compile a `call: asyncapi` task. Sending gives nothing back, so its output is null."""
    given = task.with_
    # A server that is named has a protocol of its own.
    fixed = {"protocol": given.protocol if given.server is None else None}
    if given.subscription is not None:
        blueprint = _blueprint(AsyncApiConsume, given, {}, place)
        return compile_subscription(given.subscription, blueprint, fixed, place)
    message = given.message
    parts: dict[str, Part | None] = {
        "payload": Value(place.template(message.payload if message else None)),
        "headers": Value(place.template(message.headers if message else None)),
    }
    return ActivityCall(
        activity="asyncapi-publish",
        blueprint=_blueprint(AsyncApiPublish, given, parts, place),
        label=lambda request: f"publish {request.operation or request.channel}",
        fixed=fixed,
        # The document may have to be read first.
        exchanges=2,
    )


def _blueprint(
    model: type[R], given: AsyncApiArguments, parts: Mapping[str, Part | None], place: Place
) -> Blueprint[R]:
    document = compile_endpoint(given.document.endpoint, place)
    server = given.server
    return Blueprint(
        model,
        place.secrets,
        {
            "document_uri": document.uri,
            "document_login": document.login,
            "operation": Value(place.template(given.operation)),
            "channel": Value(place.template(given.channel)),
            "server": Value(place.template(server.name if server else None)),
            "variables": Value(place.template(server.variables if server else None)),
            "login": compile_login(given.authentication, place),
            **parts,
        },
    )
