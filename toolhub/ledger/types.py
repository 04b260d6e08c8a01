"""What is asked of the ledger, and what it answers."""

from dataclasses import dataclass
from enum import StrEnum

from foundation.json import JsonObject


class State(StrEnum):
    """How far a call is known to have come."""

    SENT = "sent"  # it may be under way, or may have run
    DONE = "done"  # the tool ran
    FAILED = "failed"  # the tool ran and says that it failed


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that must not run twice.

    Attributes:
        key: What makes two calls the same one; the author of a definition may choose it.
        call_id: The same for all attempts of one call, and for no other call.
        server: For people who look after it.
        server_id: Which one it is: of two with one name or on one host.
        timeout_s: How long its answer may take.
    """

    tenant_id: str
    key: str
    call_id: str
    server: str
    server_id: str
    tool: str
    arguments: JsonObject
    timeout_s: float


@dataclass(frozen=True)
class Claim:
    """The right to send a call, once."""

    call: Call
    token: str


@dataclass(frozen=True)
class Known:
    """The call has run.

    Attributes:
        answer: The result as it came; None when it is not known any more.
    """

    answer: JsonObject | None


@dataclass(frozen=True)
class UnderWay:
    """Another call with this key was sent, and its answer can still come.

    Attributes:
        left_s: For so long.
    """

    left_s: float


class Lost:
    """It was sent, and nobody knows what came of it."""


class OtherArguments:
    """The key belongs to a call with other arguments, or of another tool."""


@dataclass(frozen=True)
class Settled:
    """What came of a call.

    Attributes:
        state: None: it is certain that it did not run.
        answer: The result as it came.
    """

    claim: Claim
    state: State | None
    answer: JsonObject | None = None
