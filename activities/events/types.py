"""What crosses the wire between runs and the desk where events are kept for them."""

from pydantic import BaseModel

from foundation.json import JsonObject, JsonValue


class Interest(BaseModel, frozen=True):
    """Which events one filter of a run means, as far as that can be decided outside of it.

    Attributes:
        shape: `with`, `from`, `version`: see `workflows.matching`.
        key: What the expressions of `from` have to give.
    """

    shape: JsonObject
    key: list[JsonValue]


class Listening(BaseModel, frozen=True):
    """One listening task of a run.

    Attributes:
        workflow_id: Whom to wake.
        name: Which of its tasks listens.
        after: Sequence number of the last event that it has seen.
        consumed: Sequence numbers of those that it has used since it asked last.
    """

    tenant_id: str
    workflow_id: str
    name: str
    after: int = 0
    consumed: list[int] = []


class Take(Listening, frozen=True):
    """Ask for events, and be woken when there are more.

    Attributes:
        missed: Also those that came shortly before this task began to listen.
        managed: Somebody else says which events are brought to it, and when it begins and ends.
        keeps: Events stay until they are `consumed`; else until a later one has been seen.
    """

    interests: list[Interest]
    missed: bool = True
    managed: bool = False
    keeps: bool = False


class Arrival(BaseModel, frozen=True):
    """One event that arrived; sequence numbers grow within a tenant."""

    sequence: int
    event: JsonObject


class Taken(BaseModel, frozen=True):
    """The next events; `more` says whether to ask again at once."""

    arrivals: list[Arrival]
    more: bool
    attempts: int = 1


class Publish(BaseModel, frozen=True):
    """An event that a run emits. The same source and id is the same event."""

    tenant_id: str
    event: JsonObject


class PublishAll(BaseModel, frozen=True):
    """Events that tell what a run is doing, in their order."""

    tenant_id: str
    events: list[JsonObject]
