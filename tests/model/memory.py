"""What all branches of an instance of the model share."""

import re
from dataclasses import dataclass, field

from tests.model.inbox import Inbox
from tests.model.wants import Json


@dataclass
class Memory:
    """What all branches of an instance share.

    Attributes:
        context: What tasks have exported.
        clock: Hours since it began.
        notes: What happened to executions, by the branch in which they are: path and state.
    """

    context: Json
    clock: float = 0.0
    notes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    inbox: Inbox = field(default_factory=Inbox)

    def note(self, path: str, state: str) -> None:
        """Remember what happened to an execution."""
        self.notes.setdefault(branch_of(path), []).append((path, state))


def branch_of(path: str) -> str:
    """Name the branch in which an execution is: up to the innermost fork."""
    found = re.match(r".*/fork/branches/\d+", path)
    return found.group() if found else ""
