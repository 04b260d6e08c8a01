"""Arguments of the calls of the language."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, Tag, model_validator

from workflows.definition.models.authentication import AuthenticationSpec
from workflows.definition.models.base import (
    OBJECT,
    TEXT,
    Given,
    Json,
    JsonMap,
    Many,
    Model,
    at_least_one,
    choice,
    exactly_one,
)
from workflows.definition.models.values import (
    DurationSpec,
    Endpoint,
    ExpressionLine,
    ExternalResource,
)

HttpOutput: TypeAlias = Literal["raw", "content", "response"]
TextMap: TypeAlias = Annotated[
    Annotated[ExpressionLine, Tag(TEXT)] | Annotated[dict[str, str], Tag(OBJECT)],
    choice("an expression", "an object of texts"),
]
Parameters: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[JsonMap, Tag(OBJECT)],
    choice("an expression", "an object"),
]


class HttpArguments(Model):
    """One HTTP request."""

    method: str
    endpoint: Endpoint
    headers: Given[TextMap] = None
    body: Json = None
    query: Given[TextMap] = None
    output: HttpOutput = "content"
    redirect: bool = False


class OpenApiArguments(Model):
    """One operation of an API that describes itself."""

    document: ExternalResource
    operation_id: str
    parameters: Given[JsonMap] = None
    authentication: Given[AuthenticationSpec] = None
    output: HttpOutput = "content"
    redirect: bool = False


class McpHttpTransport(Model):
    """An MCP server at an address."""

    endpoint: Endpoint
    headers: Given[dict[str, str]] = None


class McpStdioTransport(Model):
    """An MCP server that is a program.

    Attributes:
        command: A name of the installation's list, which says what is started.
        arguments: Added to those that the list has, as far as it allows.
        environment: Only the list has one.
    """

    command: str
    arguments: Many[str] = ()
    environment: Given[dict[str, str]] = None


class McpTransport(Model):
    """How the server is reached."""

    http: Given[McpHttpTransport] = None
    stdio: Given[McpStdioTransport] = None
    options: Given[dict[str, str]] = None

    @model_validator(mode="after")
    def _one_transport(self) -> Self:
        exactly_one(self, "http", "stdio")
        return self


class McpClient(Model):
    """What we say we are."""

    name: str
    version: str


class McpArguments(Model):
    """One request to an MCP server."""

    protocol_version: str = "2025-06-18"
    method: Literal[
        "tools/list",
        "tools/call",
        "prompts/list",
        "prompts/get",
        "resources/list",
        "resources/read",
        "resources/templates/list",
    ]
    parameters: Given[Parameters] = None
    timeout: Given[DurationSpec] = None
    transport: McpTransport
    client: Given[McpClient] = None


class GrpcService(Model):
    """Which service, and where."""

    name: str
    host: str = Field(pattern=r"^[a-zA-Z0-9](?:[a-zA-Z0-9-.]{0,61}[a-zA-Z0-9])?$")
    port: Given[Annotated[int, Field(ge=0, le=65535)]] = None
    authentication: Given[AuthenticationSpec] = None


class GrpcArguments(Model):
    """One gRPC call."""

    proto: ExternalResource
    service: GrpcService
    method: str
    arguments: Given[JsonMap] = None


class A2aArguments(Model):
    """One request to an agent; with a card, `server` is not looked at."""

    agent_card: Given[ExternalResource] = None
    server: Given[Endpoint] = None
    method: Literal[
        "message/send",
        "message/stream",
        "tasks/get",
        "tasks/list",
        "tasks/cancel",
        "tasks/resubscribe",
        "tasks/pushNotificationConfig/set",
        "tasks/pushNotificationConfig/get",
        "tasks/pushNotificationConfig/list",
        "tasks/pushNotificationConfig/delete",
        "agent/getAuthenticatedExtendedCard",
    ]
    parameters: Given[
        Annotated[
            Annotated[str, Tag(TEXT)]
            | Annotated[Annotated[JsonMap, Field(min_length=1)], Tag(OBJECT)],
            choice("an expression", "an object"),
        ]
    ] = None

    @model_validator(mode="after")
    def _an_agent(self) -> Self:
        at_least_one(self, "agent_card", "server")
        return self
