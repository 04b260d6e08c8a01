"""What a call has to keep to, and what it is told when it is not its turn."""

from typing import Final, Literal, TypeAlias

from pydantic import BaseModel

# Wire name of the signal that tells a workflow which of its executions is called.
TURN_SIGNAL: Final = "turn"

Kind: TypeAlias = Literal["concurrency", "rate-limit"]


class Concurrency(BaseModel, frozen=True):
    """At most `limit` at the same time, among all of the tenant that have this key."""

    key: str
    limit: int


class Rate(BaseModel, frozen=True):
    """At most `limit` that begin in any `period_s`, among all of the tenant that have this key."""

    key: str
    limit: int
    period_s: float


class Limits(BaseModel, frozen=True):
    """The limits of one call.

    Attributes:
        workflow_id: Whose call it is; told when its turn comes.
        execution: Which one of that workflow.
        until: When it gives up, in seconds after 1970: nothing is kept for it longer.
    """

    workflow_id: str
    execution: str
    until: float | None = None
    concurrency: Concurrency | None = None
    rate: Rate | None = None


class Refused(BaseModel, frozen=True):
    """It is not its turn: nothing was done.

    Attributes:
        after_s: When to ask again, if nobody calls it before.
    """

    kind: Kind
    key: str
    after_s: float
