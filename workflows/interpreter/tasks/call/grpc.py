"""`call: grpc`: a method of a service that a `.proto` describes."""

from typing import Final

from activities.grpc.types import GrpcCall
from workflows.definition import CallGrpc
from workflows.interpreter.compiling import Place
from workflows.interpreter.requests import Blueprint, Value
from workflows.interpreter.tasks.call.activity import ActivityCall
from workflows.interpreter.tasks.call.endpoint import compile_endpoint, compile_login

# Where a service is when nobody says so: that of TLS, as for every other address without one.
PORT: Final = 443


def compile_grpc(task: CallGrpc, place: Place) -> ActivityCall[GrpcCall]:
    """Compile a `call: grpc` task."""
    given = task.with_
    proto = compile_endpoint(given.proto.endpoint, place)
    return ActivityCall(
        activity="grpc-call",
        blueprint=Blueprint(
            GrpcCall,
            place.secrets,
            {
                "proto_uri": proto.uri,
                "proto_login": proto.login,
                "arguments": Value(place.template(given.arguments)),
                "login": compile_login(given.service.authentication, place),
            },
        ),
        label=lambda request: f"{request.service}/{request.method}",
        fixed={
            "service": given.service.name,
            "host": given.service.host,
            "port": PORT if given.service.port is None else given.service.port,
            "method": given.method,
        },
        # The document may have to be read first.
        exchanges=2,
    )
