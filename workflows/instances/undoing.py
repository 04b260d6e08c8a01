"""What was undone when an instance ended: nobody goes on as if it were still done.

What was undone is undone once. What could not be undone is listed; whether it is still done nobody
knows but people who look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from foundation.errors import ConflictError
from foundation.json import JsonObject
from workflows.interpreter.ending import PLACE
from workflows.interpreter.position import State
from workflows.interpreter.types import Carried, TaskEvent

# In the reference of every task that undoes another one.
_UNDOING: Final = "/metadata/millwright/compensate"
_SHOWN: Final = 5


def is_over(event: TaskEvent, carried: Carried) -> bool:
    """Tell whether a task undid something, and that is not left to undo.

    When an instance goes on it has not failed: then nothing is.
    """
    left: list[State] = carried.states.get(PLACE, {}).get("left", [])
    return _UNDOING in event.reference and not any(
        event.reference.startswith(done["task"] + _UNDOING)
        and event.execution.startswith(done["execution"])
        for done in left
    )


@dataclass(frozen=True, slots=True)
class Undone:
    """What the end of a run did to what the run had done.

    Attributes:
        done: Executions that were undone, newest first.
        failed: Those that could not be.
    """

    done: Sequence[str] = ()
    failed: Sequence[str] = ()

    def require_nothing(self, execution: str) -> None:
        """Let nobody go on without a look who counts on all that was done before.

        Args:
            execution: The one that failed.

        Raises:
            ConflictError: Which says where to begin instead.
        """
        if self.done:
            look = f" Look first at {_told(self.failed)}, {_UNKNOWN}." if self.failed else ""
            raise ConflictError(
                f"At the end of the instance {_told(self.done)} was undone, and what comes later "
                f"counts on it.{look} {self._advice()}"
            )
        if self.failed:
            raise ConflictError(
                f"At the end of the instance {_told(self.failed)} was to be undone, {_UNKNOWN}. "
                f"Look whether it is still done, then use ':rerun': with '{execution}' if it is, "
                f"with '{self.failed[-1]}' if it is to be done again."
            )

    def kept(self, carried: Carried, execution: str) -> Carried:
        """Return where a run stood at a moment, with what is known of it now.

        Args:
            execution: With which it goes on.

        Raises:
            ConflictError: When something that had been done at that moment was undone.
        """
        gone = [each for each in _executions(carried.undoable) if each in self.done]
        if gone:
            raise ConflictError(
                f"Before '{execution}' the instance had done {_told(gone)}, which was undone at "
                f"its end. {self._advice()}"
            )
        return self._undoing_on(carried, execution) if PLACE in carried.states else carried

    def _undoing_on(self, carried: Carried, execution: str) -> Carried:
        """Let it undo what is left, and nothing twice."""
        ending = carried.states[PLACE]
        left: list[State] = ending.get("left", [])
        # The last one is being undone at this moment.
        if left and left[-1]["execution"] in self.done:
            raise ConflictError(
                f"'{execution}' is part of undoing '{left[-1]['execution']}', which came through: "
                "it is not undone again."
            )
        later = [each for each in self.done if each in _executions(left)]
        kept: State = {
            **ending,
            "left": [each for each in left if each["execution"] not in later],
            "undone": [*ending.get("undone", []), *later],
        }
        return carried.model_copy(update={"states": {**carried.states, PLACE: kept}})

    def _advice(self) -> str:
        return (
            f"Use ':rerun' with '{self.done[-1]}', the first of what was undone, or a task before "
            "it; or start a new instance."
        )


def undone_at(compensation: JsonObject | None) -> Undone:
    """Read what a run tells of it."""
    told: dict[str, Any] = compensation or {}
    # What is always done at the end undoes nothing; when it failed it is listed, too.
    return Undone(told.get("undone", ()), _executions(told.get("failed", ())))


_UNKNOWN: Final = "which failed, so nobody knows whether it is still done"


def _executions(listed: Sequence[State]) -> list[str]:
    return [each["execution"] for each in listed if "execution" in each]


def _told(executions: Sequence[str]) -> str:
    shown = ", ".join(f"'{each}'" for each in executions[:_SHOWN])
    more = len(executions) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
