"""Who may decide."""

from dataclasses import dataclass
from typing import Final

from foundation.json import JsonValue
from workflows.expressions import Template
from workflows.interpreter.durations import Delay
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame

MAX_USERS: Final = 50


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who may decide, as the definition says it."""

    users: Template | None
    roles: Template | None

    def known(self, value: JsonValue, frame: Frame) -> tuple[list[str], list[str]]:
        """Return mail addresses and roles.

        Raises:
            Fault: When an expression gives something else.
        """
        users = _texts(self.users, "users", value, frame)
        return [user.lower() for user in users], _texts(self.roles, "roles", value, frame)


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the escalation."""

    after: Delay
    candidates: Candidates


def _texts(template: Template | None, what: str, value: JsonValue, frame: Frame) -> list[str]:
    if template is None:
        return []
    found = frame.evaluate(template, value)
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or len(texts) > MAX_USERS or not texts:
        detail = f"'{what}' must be a text or a list of at most {MAX_USERS}, and not empty."
        raise Fault.of("validation", "Nobody can decide the approval", detail)
    if not all(isinstance(text, str) and text for text in texts):
        raise Fault.of("validation", "Nobody can decide the approval", f"'{what}' are no texts.")
    return [str(text) for text in texts]
