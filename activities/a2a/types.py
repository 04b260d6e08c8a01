"""What crosses the wire for `call: a2a`. Fields are added, never renamed."""

from typing import Literal, TypeAlias

from pydantic import Field

from activities.logins.types import Login
from activities.requests import Request
from foundation.json import JsonObject

Address: TypeAlias = Literal["card", "server"]


class A2aCall(Request, frozen=True):
    """One request to an agent.

    Attributes:
        uri: What the author wrote.
        address: Whether that is where the agent's card is, or where the agent is.
        login: Goes to the origin of `uri` and to no other.
        method: As the language calls it, which is as version 0.3 of the protocol does.
    """

    uri: str = ""
    address: Address
    login: Login | None = None
    method: str
    parameters: JsonObject = Field(default_factory=dict)
    timeout_s: float = 120.0
