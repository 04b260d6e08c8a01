"""What crosses the wire for `call: grpc`. Fields are added, never renamed."""

from pydantic import Field

from activities.logins.types import Login
from activities.requests import Request
from foundation.json import JsonObject


class GrpcCall(Request, frozen=True):
    """One call of a gRPC method.

    Attributes:
        proto_uri: Where the `.proto` is that describes the service.
        proto_login: For reading it.
        service: Full name of the service, with its package.
        arguments: The message, as JSON.
        login: Sent as the metadata `authorization`.
    """

    proto_uri: str = ""
    proto_login: Login | None = None
    service: str
    host: str
    port: int
    method: str
    arguments: JsonObject = Field(default_factory=dict)
    login: Login | None = None
