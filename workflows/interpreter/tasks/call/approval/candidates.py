"""Who may decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from foundation.json import JsonObject, JsonValue
from workflows.expressions import Template
from workflows.interpreter.durations import Delay
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.tasks.call.approval.computed import is_computed

MAX_USERS: Final = 50
NOBODY: Final = "Nobody can decide the approval"


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who may decide, as the definition says it.

    Attributes:
        members: Both, when they are written out.
        whole: Computes both, when they are not.
    """

    members: Mapping[str, Template]
    whole: Template | None = None

    def known(self, value: JsonValue, frame: Frame) -> tuple[list[str], list[str]]:
        """Return mail addresses and roles.

        Raises:
            Fault: When an expression gives something else.
        """
        found: JsonValue = {
            name: frame.evaluate(template, value) for name, template in self.members.items()
        }
        if self.whole is not None and is_computed():
            found = frame.evaluate(self.whole, value)
            _check_members(found)
        assert isinstance(found, dict)  # noqa: S101 - checked where it was computed
        users = _texts(found, "users")
        return [user.lower() for user in users], _texts(found, "roles")


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the escalation."""

    after: Delay
    candidates: Candidates


def _check_members(found: JsonValue) -> None:
    if not isinstance(found, dict) or not found or found.keys() - {"users", "roles"}:
        detail = "'candidates' must be an object with 'users', 'roles' or both."
        raise Fault.of("validation", NOBODY, detail)


def _texts(found: JsonObject, what: str) -> list[str]:
    if what not in found:
        return []
    given = found[what]
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or len(texts) > MAX_USERS or not texts:
        detail = f"'{what}' must be a text or a list of at most {MAX_USERS}, and not empty."
        raise Fault.of("validation", NOBODY, detail)
    if not all(isinstance(text, str) and text for text in texts):
        raise Fault.of("validation", NOBODY, f"'{what}' are no texts.")
    return [str(text) for text in texts]
