"""What crosses the wire when a trigger asks what it follows. Fields are added, never renamed."""

from enum import StrEnum

from pydantic import BaseModel

from activities.definitions.types import Engine
from foundation.json import JsonObject


class TriggerKind(StrEnum):
    """What a trigger waits for: the end of the run before, or events."""

    AFTER = "after"
    ON = "on"


class Follow(BaseModel, frozen=True):
    """Whose schedule.

    Attributes:
        finished: A listening (its number) of which every event has been used.
    """

    tenant_id: str
    namespace: str
    name: str
    kind: TriggerKind
    finished: int | None = None


class Followed(BaseModel, frozen=True):
    """A schedule, as one version of the definition has it.

    Attributes:
        number: Which listening its events are kept for; 0 where there are none.
        over: There are no more events to come for it.
        continues: Sets of events that began under the version before are completed by its events.
        published_by: Who wants its instances.
    """

    version: str
    hash: str
    document: JsonObject
    engine: Engine
    number: int = 0
    over: bool = False
    continues: bool = False
    published_by: str | None = None


class Following(BaseModel, frozen=True):
    """What to follow; nothing when the definition has no such schedule any more."""

    followed: Followed | None = None
