"""A question of a tool, and what people said to it."""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel

from foundation.json import JsonObject

# A tool that asks more often goes in circles, or asks for what belongs into its arguments.
MAX_ROUNDS: Final = 10

Action: TypeAlias = Literal["accept", "decline", "cancel"]


class Asked(BaseModel, frozen=True):
    """One thing that a tool asks. All texts are the server's, bounded and without tricks.

    Attributes:
        id: How the server tells its questions apart.
        form: JSON Schema of what people fill in.
        url: Where people do something instead. Nobody here asks for it.
        host: Of that address.
    """

    id: str
    message: str
    form: JsonObject | None = None
    url: str | None = None
    host: str | None = None


class Question(BaseModel, frozen=True):
    """What a tool asks, and all that any worker needs to go on with the same call.

    Attributes:
        server_id: Of the registration: another one of the same name gets no answers.
        sha256: Fingerprint of the tool.
        key: What the call was sent with, for servers that notice a repetition by that.
        round: How often it has asked.
        state: What the server wants to have back, sealed: it may hold what it was sent.
        asked: Nothing, where it only wants to be called again.
    """

    tenant_id: str
    server: str
    server_id: str
    tool: str
    sha256: str
    key: str | None
    round: int
    state: str | None
    asked: list[Asked]


class Answer(BaseModel, frozen=True):
    """What people said.

    Attributes:
        content: What they filled in, when they accepted.
    """

    action: Action
    content: JsonObject | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a call goes on with that has asked.

    Attributes:
        key: As in `Question`.
        round: Of the question.
        state: What the server wants to have back.
        responses: What people said, in the spelling of the protocol.
    """

    server_id: str
    key: str | None
    round: int
    state: str | None = field(repr=False)
    responses: JsonObject = field(repr=False)
