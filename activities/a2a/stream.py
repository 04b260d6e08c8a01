"""The results of a stream, in order, and whether the agent has come to an end with them."""

from typing import Final

from foundation.json import JsonObject, JsonValue

# Nothing follows these: the task is done, or waits for somebody.
_LAST_STATES: Final = frozenset(
    {"completed", "failed", "canceled", "rejected", "input-required", "auth-required"}
)
# A result of 1.0 is an object with one of these; one of 0.3 has them as its `kind`.
_KINDS: Final = {
    "task": "task",
    "message": "message",
    "statusUpdate": "status-update",
    "artifactUpdate": "artifact-update",
}


class Results:
    """What an agent has sent so far.

    Attributes:
        ended: The agent has said its last word; what breaks after that does not matter.
        closed: It has said so in as many words: there is nothing more to wait for.
        task_id: Of the task that it works on, when it has named it.
        state: The last one that it told.
    """

    def __init__(self) -> None:
        self.items: list[JsonValue] = []
        self.ended = False
        self.closed = False
        self.task_id: str | None = None
        self.state: str | None = None

    def add(self, result: JsonValue) -> None:
        """Take the next result."""
        self.items.append(result)
        kind, event = _event(result)
        task_id = event.get("id" if kind == "task" else "taskId")
        self.task_id = task_id if isinstance(task_id, str) else self.task_id
        self.state = _state(event) or self.state
        self.closed = self.closed or event.get("final") is True
        self.ended = self.ended or self.closed or kind == "message" or self.state in _LAST_STATES


def _event(result: JsonValue) -> tuple[str | None, JsonObject]:
    if not isinstance(result, dict):
        return None, {}
    kind = result.get("kind")
    if isinstance(kind, str):
        return kind, result
    found = ((name, result[member]) for member, name in _KINDS.items() if member in result)
    for name, event in found:
        if isinstance(event, dict):
            return name, event
    return None, {}


def _state(event: JsonObject) -> str | None:
    """Return a state as 0.3 spells it; 1.0 has `TASK_STATE_INPUT_REQUIRED`."""
    status = event.get("status")
    state = status.get("state") if isinstance(status, dict) else None
    if not isinstance(state, str):
        return None
    return state.removeprefix("TASK_STATE_").lower().replace("_", "-")
