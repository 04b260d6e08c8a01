"""What goes into the hub and what comes out of it. No secret is in anything that comes out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Protocol, Self, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from foundation.json import JsonObject, JsonValue
from toolhub.elicitation.types import Reply
from toolhub.fallbacks.types import Provenance
from toolhub.header_names import HeaderName
from toolhub.importing.origin import Origin
from toolhub.pinning.drift import Change, Drift
from toolhub.pinning.judging import Policy
from toolhub.protection import Protection

MAX_TIMEOUT_S: Final = 3600.0
DEFAULT_TIMEOUT_S: Final = 30.0
MAX_TOOLS: Final = 1000

ServerName: TypeAlias = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", examples=["excel"])
]
# What the SDKs let through; control characters would end up in logs and headers.
ToolName: TypeAlias = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
TimeoutSeconds: TypeAlias = Annotated[float, Field(gt=0, le=MAX_TIMEOUT_S, allow_inf_nan=False)]
Address: TypeAlias = Annotated[str, Field(min_length=1, max_length=2048)]
Path: TypeAlias = Annotated[str, Field(max_length=1024, pattern=r"^(/[!-~]*)?$")]


class OnProgress(Protocol):
    """Told when a server reports progress."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """Take note."""
        ...


class Dialect(StrEnum):
    """What a server speaks."""

    MCP = "mcp"  # Streamable HTTP, protocol revisions 2024-11-05 to 2026-07-28
    SEED_HTTP = "seed-http"  # POST {url}/mcp/tools/call with {"method", "params"}
    STDIO = "stdio"  # MCP with a program on this machine, which the installation lists

    @property
    def speaks_mcp(self) -> bool:
        """Whether it can be asked for its tools, and whether it is there."""
        return self is not Dialect.SEED_HTTP


Argument: TypeAlias = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")]
Arguments: TypeAlias = Annotated[list[Argument], Field(max_length=100)]


class ServerStatus(StrEnum):
    """What the registry knows about a server."""

    READY = "ready"
    UNDISCOVERED = "undiscovered"  # never asked for its tools
    FAILING = "failing"  # the last attempt to ask for its tools failed


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoCredential(_Strict):
    """The server asks for none."""

    kind: Literal["none"] = "none"


class BearerCredential(_Strict):
    """`Authorization: Bearer <token>`."""

    kind: Literal["bearer"]
    token: SecretStr = Field(min_length=1, max_length=16_384)


class BasicCredential(_Strict):
    """`Authorization: Basic <user name and password>`."""

    kind: Literal["basic"]
    username: str = Field(max_length=256, pattern=r"^[^:\x00-\x1f\x7f]*$")
    password: SecretStr = Field(max_length=4096)


class HeaderCredential(_Strict):
    """A header of the server's own, such as `X-Api-Key`."""

    kind: Literal["header"]
    name: HeaderName
    value: SecretStr = Field(min_length=1, max_length=16_384)


class QueryCredential(_Strict):
    """A parameter of the address, such as `?api_key=...`; it is written down nowhere."""

    kind: Literal["query"]
    name: str = Field(max_length=128, pattern=r"^[A-Za-z0-9._~-]+$")
    value: SecretStr = Field(min_length=1, max_length=16_384)


Scope: TypeAlias = Annotated[str, Field(pattern=r"^[!#-\[\]-~]{1,256}$")]


class ClientCredential(_Strict):
    """A client of an authorization server, which gets tokens for itself (OAuth 2.1).

    Attributes:
        client_secret: For `private_key_jwt` the private key, as PEM or JWK.
        authentication: How the client proves who it is. Left out: with its secret, as the
            authorization server likes it.
        issuer: The authorization server, exactly as it calls itself. Left out, the server is asked
            who it is, once: from then on nobody else gets to see the client.
        token_endpoint: Where tokens are asked for, when that is not to be read from its metadata.
        scopes: What is asked for, and never more. Left out, the server says what it takes.
        resource: Whom tokens are for (RFC 8707). Left out: as the server calls itself, else its
            address.
    """

    kind: Literal["oauth2-client-credentials"]
    client_id: str = Field(min_length=1, max_length=2048, pattern=r"^[ -~]+$")
    client_secret: SecretStr = Field(min_length=1, max_length=16_384)
    authentication: (
        Literal["client_secret_basic", "client_secret_post", "private_key_jwt"] | None
    ) = None
    issuer: Address | None = None
    token_endpoint: Address | None = None
    scopes: list[Scope] | None = Field(default=None, max_length=50)
    resource: Address | None = None


class PersonCredential(_Strict):
    """A person agrees, in a browser, that we may do there what he may (OAuth 2.1).

    Nothing can be called before somebody has (`POST /mcp/servers/{server}:authorize`).

    Attributes:
        client_id: Left out: the address of our own description where the authorization server reads
            that, else it registers us.
        client_secret: Only beside a `client_id`.
        issuer: The authorization server, exactly as it calls itself. Left out, the server is asked
            who it is: beside a `client_id` once, from then on nobody else gets to see the client.
        scopes: What is asked for, and never more. Left out, the server says what it takes.
        resource: Whom tokens are for (RFC 8707). Left out: as the server calls itself.
    """

    kind: Literal["oauth2-authorization-code"]
    client_id: str | None = Field(default=None, max_length=2048, pattern=r"^[ -~]+$")
    client_secret: SecretStr | None = Field(default=None, min_length=1, max_length=16_384)
    issuer: Address | None = None
    scopes: list[Scope] | None = Field(default=None, max_length=50)
    resource: Address | None = None

    @model_validator(mode="after")
    def _has_whose_secret(self) -> Self:
        if self.client_secret is not None and self.client_id is None:
            raise ValueError("a client_secret needs the client_id that it belongs to")
        return self


class HeadersCredential(_Strict):
    """Several headers that are secret."""

    kind: Literal["headers"]
    headers: dict[HeaderName, Annotated[SecretStr, Field(min_length=1, max_length=16_384)]] = Field(
        min_length=1, max_length=16
    )


PlainCredential: TypeAlias = (
    NoCredential | BearerCredential | BasicCredential | HeaderCredential | HeadersCredential
)
Credential: TypeAlias = Annotated[
    PlainCredential | QueryCredential | ClientCredential | PersonCredential,
    Field(discriminator="kind"),
]


PlainHeaders: TypeAlias = Annotated[
    dict[HeaderName, Annotated[str, Field(max_length=2048, pattern=r"^([!-~]([ -~]*[!-~])?)?$")]],
    Field(max_length=16),
]


class ToolDefinition(_Strict):
    """A tool that the user describes, for dialects that cannot list theirs."""

    name: ToolName
    description: str | None = Field(default=None, max_length=8192)
    input_schema: JsonObject = {"type": "object"}
    output_schema: JsonObject | None = None
    annotations: JsonObject = Field(default_factory=dict)


class ServerRegistration(_Strict):
    """A server to register.

    Attributes:
        url: Address of the server; for `mcp` usually the whole endpoint, `http://excel:8017/mcp`;
            for `stdio` the name of a command of the installation's list, `stdio:time`.
        path: Appended to the url. Left out: nothing for `mcp`, `/mcp/tools/call` for `seed-http`.
        timeout_s: Longest wait for one call; a caller may ask for less.
        protection: What guards it, where it differs from the installation's settings.
        discover: Ask the server for its tools now, and register nothing when it does not answer.
        pinning: `standard` holds back what is breaking or suspicious, `strict` every change.
        tools: Only for dialects that cannot list their tools.
        arguments: Only for `stdio`: added to those of the command, as far as the list allows.
        headers: Sent with every request, and shown: what is no secret. Not for `stdio`.
    """

    name: ServerName
    url: Address
    path: Path | None = None
    dialect: Dialect = Dialect.MCP
    credential: Credential = NoCredential()
    timeout_s: TimeoutSeconds = DEFAULT_TIMEOUT_S
    protection: Protection = Protection()
    discover: bool = True
    pinning: Policy = Policy.STANDARD
    tools: list[ToolDefinition] = Field(default_factory=list, max_length=MAX_TOOLS)
    arguments: Arguments = Field(default_factory=list)
    headers: PlainHeaders = Field(default_factory=dict)


class ServerChange(_Strict):
    """What to change about a server; what is left out stays.

    A new url or path needs the credential again: a stored secret never goes to another address.
    `protection` replaces all that was different for this server.
    """

    url: Address | None = None
    path: Path | None = None
    credential: Credential | None = None
    timeout_s: TimeoutSeconds | None = None
    protection: Protection | None = None
    discover: bool = True
    pinning: Policy | None = None
    tools: list[ToolDefinition] | None = Field(default=None, max_length=MAX_TOOLS)
    arguments: Arguments | None = None
    headers: PlainHeaders | None = None


class TokenInfo(BaseModel, frozen=True):
    """What tokens for a server are asked for with.

    Attributes:
        issuer: The authorization server; nobody else is asked.
        scopes: What is asked for.
        resource: Whom tokens are for.
    """

    client_id: str | None
    authentication: str | None = None
    issuer: str | None
    token_endpoint: str | None = None
    scopes: list[str] | None
    resource: str | None


class CredentialInfo(BaseModel, frozen=True):
    """How we log in at a server; the secret itself is never shown.

    Attributes:
        header: The header that carries it.
        parameter: The parameter of the address that carries it.
        token: What tokens are asked for with.
    """

    kind: Literal[
        "none",
        "bearer",
        "basic",
        "header",
        "headers",
        "query",
        "oauth2-client-credentials",
        "oauth2-authorization-code",
    ]
    header: str | None = None
    parameter: str | None = None
    token: TokenInfo | None = None


class ServerInfo(BaseModel, frozen=True):
    """A registered server.

    Attributes:
        protocol: What discovery learned: protocol version, name and version of the software.
        protection: What guards it otherwise than the installation's settings say.
        imported: The `server.json` that it was imported from.
        version: Counts changes; the ETag.
    """

    # Not shown: the name is what a server is called by; it only tells one life from the next.
    id: UUID = Field(exclude=True)
    name: str
    dialect: Dialect
    url: str
    path: str
    arguments: list[str]
    headers: dict[str, str]
    credential: CredentialInfo
    status: ServerStatus
    protocol: JsonObject | None
    timeout_s: float
    protection: JsonObject
    pinning: Policy
    imported: Origin | None
    tool_count: int
    version: int
    created_at: datetime
    updated_at: datetime
    discovered_at: datetime | None

    @property
    def etag(self) -> str:
        """What `If-Match` compares: another one after every change, also after a new start."""
        return f'"{self.id.hex[:12]}-{self.version}"'


class _ToolInfo(BaseModel, frozen=True):
    server: str
    name: str
    title: str | None
    description: str | None
    input_schema: JsonObject
    output_schema: JsonObject | None
    annotations: JsonObject
    sha256: str
    problem: str | None


class ToolInfo(_ToolInfo, frozen=True):
    """A tool of a registered server, as it was accepted.

    Attributes:
        sha256: Fingerprint of all that its server says of it; what a definition pins.
        problem: Why the tool cannot be called, when its own schema is the reason.
        version: Counts what the tool was since the server was registered.
    """

    version: int
    discovered_at: datetime


class ToolVersionInfo(_ToolInfo, frozen=True):
    """What a tool once was, or is.

    Attributes:
        drift: How it differs from the version before; null for the first.
        accepted_by: Who accepted it; null when nobody had to be asked.
    """

    version: int
    drift: Drift | None
    accepted_by: str | None
    created_at: datetime


class DriftInfo(_ToolInfo, frozen=True):
    """What a server says of a tool now, and nobody has accepted. Calls are refused meanwhile.

    Attributes:
        sha256: What to send to accept this and nothing else.
        changes: The differences from what was accepted, the gravest first.
    """

    drift: Drift
    changes: list[Change]
    found_at: datetime


class Acceptance(_Strict):
    """Which change is accepted: the one that was looked at."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ServerPage(BaseModel, frozen=True):
    """Part of the list of servers."""

    items: list[ServerInfo]
    next_page_token: str | None = Field(description="Where the next page begins; null at the end.")


class ToolPage(BaseModel, frozen=True):
    """Part of a list of tools."""

    items: list[ToolInfo]
    next_page_token: str | None = Field(description="Where the next page begins; null at the end.")


class ToolTrial(_Strict):
    """A call of a tool by a person.

    Attributes:
        sha256: The tool that is meant; left out, the one there is.
        timeout_s: Longest wait; never longer than the server's own, nor than a minute.
    """

    server: str = Field(max_length=63)
    tool: str = Field(max_length=128)
    arguments: JsonObject = Field(default_factory=dict)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    timeout_s: float = Field(default=DEFAULT_TIMEOUT_S, gt=0, le=60, allow_inf_nan=False)


class ToolAnswer(BaseModel, frozen=True):
    """What a tool answered.

    Attributes:
        value: What a workflow would get.
        content: All content blocks, as they came.
        structured: The structured content, if there is any.
        degraded: It is not the tool's answer to this call: something stood in for it.
        fallback: What did, and why.
    """

    value: JsonValue
    content: list[JsonValue]
    structured: JsonValue
    degraded: bool = False
    fallback: Provenance | None = None


class ToolVersionPage(BaseModel, frozen=True):
    """Part of the list of a tool's versions, the newest first."""

    items: list[ToolVersionInfo]
    next_page_token: str | None = Field(description="Where the next page begins; null at the end.")


class DriftPage(BaseModel, frozen=True):
    """Part of the list of what waits to be accepted."""

    items: list[DriftInfo]
    next_page_token: str | None = Field(description="Where the next page begins; null at the end.")


@dataclass(frozen=True, kw_only=True)
class CallOrigin:
    """Who calls a tool, for the log of calls.

    Attributes:
        instance_id: Of the run.
        task: Which execution of a task of it.
        attempt: Counts the attempts of the task.
        person: Who tries the tool.
    """

    instance_id: str | None = None
    run_id: str | None = None
    task: str | None = None
    attempt: int = 1
    person: str | None = None


class TriedAgain(StrEnum):
    """What a caller does when an attempt of a call has failed."""

    NEVER = "never"
    WHEN_SAFE = "when-safe"  # what may be repeated is; after any other failure nothing follows
    ALWAYS = "always"


@dataclass(frozen=True, kw_only=True)
class CallTool:
    """One call of a registered tool.

    Attributes:
        sha256: The tool that the caller means; another one, or one that is not compatible, is not
            called.
        timeout_s: Longest wait; never longer than the server's own.
        call_id: The same for every attempt of the same call, and for no other one. With it a tool
            that must not be called twice is not, whatever becomes of the caller.
        idempotency_key: What makes two calls the same one, when that is not `call_id`. Servers are
            told it and may use it to notice a repetition.
        maybe_sent: An earlier attempt of a call without `call_id` may have reached the server: only
            what may be called twice is called.
        maybe_ran: An earlier attempt may have run a tool that may be called twice.
        tried_again: What follows a failure: a fallback stands in only when nothing does.
        comes_again: The same call is made again when this process dies meanwhile.
        stands_in: It is called in place of another tool, and nothing stands in for it.
        takes_questions: Whoever calls can put a question of the tool to people (`Question`).
        reply: What they said: the call goes on with it.
        until: When the caller gives up, on the clock `time.monotonic`; None: it does not.
        on_send: Told right before the request leaves.
        on_not_run: Told when it is certain that this attempt has not run the tool.
        on_progress: Told when the server reports progress.
        clean: Takes out of an answer what other calls must not be told.
    """

    tenant_id: str
    server: str
    tool: str
    origin: CallOrigin = CallOrigin()
    arguments: JsonObject = field(default_factory=dict)
    timeout_s: float | None = None
    sha256: str | None = None
    call_id: str | None = None
    idempotency_key: str | None = None
    maybe_sent: bool = False
    maybe_ran: bool = False
    tried_again: TriedAgain = TriedAgain.NEVER
    comes_again: bool = False
    stands_in: bool = False
    takes_questions: bool = False
    reply: Reply | None = None
    until: float | None = None
    on_send: Callable[[], None] | None = None
    on_not_run: Callable[[], None] | None = None
    on_progress: OnProgress | None = None
    clean: Callable[[JsonValue], JsonValue] | None = None


@dataclass(frozen=True)
class ToolResult:
    """What a tool answered.

    Attributes:
        value: For workflows: the structured content when there is some, else the text when there is
            exactly one text block, else all blocks.
        content: All content blocks, as they came.
        structured: The structured content, when `is_structured`.
        fallback: What stood in for the tool, if anything did.
    """

    value: JsonValue
    content: list[JsonValue]
    structured: JsonValue = None
    is_structured: bool = False
    fallback: Provenance | None = None


METHODS: Final = (
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/read",
    "resources/templates/list",
)


@dataclass(frozen=True, kw_only=True)
class McpRequest:
    """One request to any MCP server by its address: the language's own form of an MCP call.

    Attributes:
        url: The address; a program has none.
        command: Of the installation's list, for a server that is a program.
        arguments: Of the program, besides those that the list has.
        method: One of `METHODS`.
        headers: Sent as they are, credentials among them.
        protocol_version: The oldest revision that will do; the newest one that both sides know is
            negotiated.
        call_id: See `CallTool`.
        attempt: Counts the attempts of the task.
        idempotency_key: See `CallTool`.
    """

    tenant_id: str
    method: str
    url: str = ""
    command: str | None = None
    arguments: tuple[str, ...] = ()
    params: JsonObject = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    protocol_version: str | None = None
    client_name: str | None = None
    client_version: str | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    call_id: str | None = None
    idempotency_key: str | None = None
    attempt: int = 1
    maybe_sent: bool = False
    on_send: Callable[[], None] | None = None
    on_progress: OnProgress | None = None
