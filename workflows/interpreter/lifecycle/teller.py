"""The events themselves: types and data as the language says, ids that say which moment it was."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from foundation.json import JsonObject, JsonValue
from workflows.definition.generations import with_generation
from workflows.definition.lifecycle import LIFECYCLE

# Made once for this purpose: event ids are the same on every attempt and every replay.
EVENT_IDS: Final = uuid.UUID("b9a1f3c7-44f0-5c55-9f0e-6d1a2f7f0c3d")
# The workflow itself, as the task around all tasks.
ROOT: Final = "/"
NOTHING: Final[Mapping[str, JsonValue]] = {}

# Where the language puts the time of each.
_TIMES: Final[Mapping[str, str]] = {
    "created": "createdAt",
    "started": "startedAt",
    "suspended": "suspendedAt",
    "resumed": "resumedAt",
    "retried": "retriedAt",
    "cancelled": "cancelledAt",
    "faulted": "faultedAt",
    "completed": "completedAt",
    "correlation-started": "startedAt",
    "correlation-completed": "completedAt",
    "status-changed": "updatedAt",
}


@dataclass(frozen=True, slots=True)
class Teller:
    """The instance that the events are about.

    Attributes:
        chain: Id of its first run in Temporal; runs that go on for it have the same.
        generation: How many instances have led to it.
    """

    workflow_id: str
    chain: str
    generation: int = 0

    def of_workflow(
        self,
        what: str,
        time: str,
        again: str = "",
        *,
        path: str = ROOT,
        data: Mapping[str, JsonValue] = NOTHING,
    ) -> JsonObject:
        """Make an event about the instance.

        Args:
            what: Its type, without what all types have around it.
            again: Tells several such moments of one execution apart.
            path: The execution.
        """
        told: JsonObject = {"name": self._name, _TIMES[what]: time, **data}
        return self._event(f"workflow.{what}", time, f"{path} {again}", told)

    def of_task(
        self,
        what: str,
        time: str,
        task: str,
        path: str,
        again: str = "",
        *,
        data: Mapping[str, JsonValue] = NOTHING,
    ) -> JsonObject:
        """Make an event about a task; see `of_workflow`."""
        told: JsonObject = {"workflow": self._name, "task": task, _TIMES[what]: time, **data}
        return self._event(f"task.{what}", time, f"{path} {again}", told)

    @property
    def _labels(self) -> list[str]:
        """Namespace, name and key."""
        return self.workflow_id.split("/", 3)[1:]

    @property
    def _name(self) -> str:
        """The qualified name, as the language writes it: `order-4711.samples`."""
        namespace, name, key = self._labels
        return f"{name}-{key}.{namespace}"

    def _event(self, what: str, time: str, moment: str, data: JsonObject) -> JsonObject:
        type_ = f"{LIFECYCLE}{what}.v1"
        seed = f"{self.workflow_id} {self.chain} {moment} {type_}"
        event: JsonObject = {
            "specversion": "1.0",
            "id": str(uuid.uuid5(EVENT_IDS, seed)),
            "source": f"/{self.workflow_id}",
            "type": type_,
            # As REST and the client call the instance.
            "subject": ".".join(self._labels),
            "time": time,
            "datacontenttype": "application/json",
            "data": data,
        }
        return with_generation(event, self.generation)
