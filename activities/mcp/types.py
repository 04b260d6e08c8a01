"""What crosses the wire for `call: mcp.tool` and `call: mcp`. Fields are added, never renamed."""

from pydantic import Field

from activities.logins.types import Login
from activities.requests import Request, Texts
from foundation.json import JsonObject


class McpCall(Request, frozen=True):
    """One call of a tool of a registered server.

    Attributes:
        sha256: The tool that the definition pins.
        takes_tasks: Whoever asks can go on with a task of the server (`McpTask`).
        takes_questions: Whoever asks can put a question of the tool to people (`McpAnswer`).
    """

    server: str = ""
    tool: str = ""
    sha256: str | None = None
    arguments: JsonObject = Field(default_factory=dict)
    timeout_s: float = 60.0
    takes_tasks: bool = False
    takes_questions: bool = False


class McpAnswer(McpCall, frozen=True):
    """What people said to what a tool has asked; its call, which goes on with that.

    Attributes:
        question: As `mcp-call` gave it, or the answer before this one; no definition can.
        answers: By the names that the server gave its questions.
    """

    question: JsonObject = Field(default_factory=dict)
    answers: dict[str, JsonObject] = Field(default_factory=dict)


class McpTask(Request, frozen=True):
    """A task that a server has made of a call.

    Attributes:
        handle: As `mcp-call` or the last question gave it; no definition can.
        wait_s: How long to go on asking before the workflow has a word again.
        sealed: Of the call: what its secrets are must not come back in the result either.
    """

    handle: JsonObject
    wait_s: float = 0.0


class McpRequest(Request, frozen=True):
    """One request to an MCP server by its address, or by the command that it is.

    Attributes:
        command: Of the installation's list; then there is no address.
        arguments: Added to those that the list has.
        method: `tools/call`, `resources/read`, ...
        parameters: The request's `params`.
        protocol_version: The oldest revision the definition expects; newer ones are negotiated.
    """

    uri: str = ""
    login: Login | None = None
    headers: Texts = Field(default_factory=dict)
    method: str
    parameters: JsonObject = Field(default_factory=dict)
    protocol_version: str | None = None
    client_name: str | None = None
    client_version: str | None = None
    command: str | None = None
    arguments: tuple[str, ...] = ()
    timeout_s: float = 60.0
