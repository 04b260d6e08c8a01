"""Who may decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from temporalio import workflow

from activities.approvals.types import Approval
from foundation.json import JsonObject, JsonValue
from security.permissions import ROLES
from workflows.definition import MAIL_ADDRESS, MAX_CANDIDATES, no_role, too_few
from workflows.expressions import Template
from workflows.interpreter.durations import Delay
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.tasks.call.approval.box import people_of
from workflows.interpreter.tasks.call.approval.computed import is_computed

REACHABLE: Final = "approval-quorum-reachable"
CHECKED: Final = "approval-candidates-checked"
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
        users, roles = _texts(found, "users"), _texts(found, "roles")
        self._refuse_strangers(users, roles)
        return [user.lower() for user in users], roles

    @property
    def everybody(self) -> frozenset[str] | None:
        """All people who may decide; None when that is not known yet: roles, expressions."""
        users = self.members.get("users")
        if users is None or not users.constant or "roles" in self.members:
            return None
        named = users.source if isinstance(users.source, list) else [users.source]
        return frozenset(str(user).lower() for user in named)

    def _refuse_strangers(self, users: Sequence[str], roles: Sequence[str]) -> None:
        """Refuse computed people and roles that cannot be, as publishing does written out ones."""
        written = {name for name, template in self.members.items() if template.constant}
        wrong = [
            f"{user!r:.200} is no mail address."
            for user in users
            if "users" not in written and not MAIL_ADDRESS.fullmatch(user)
        ]
        wrong += [no_role(role) for role in roles if "roles" not in written and role not in ROLES]
        # Older versions asked nobody then, and waited.
        if wrong and workflow.patched(CHECKED):
            raise Fault.of("validation", NOBODY, wrong[0])


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the escalation."""

    after: Delay
    candidates: Candidates


def refuse_too_few(approval: Approval, ladder: Sequence[Rung]) -> None:
    """Refuse to wait for more people than there will ever be.

    Args:
        ladder: Who may decide later.

    Raises:
        Fault: When it is sure that they are fewer than have to approve.
    """
    later = [rung.candidates.everybody for rung in ladder]
    if approval.roles or None in later:
        return
    people = people_of(approval).union(*(each for each in later if each))
    # Older versions waited.
    if len(people) < approval.quorum and workflow.patched(REACHABLE):
        detail = too_few(len(people), approval.quorum)
        raise Fault.of("validation", "The approval can never be approved", detail)


def _check_members(found: JsonValue) -> None:
    if not isinstance(found, dict) or not found or found.keys() - {"users", "roles"}:
        detail = "'candidates' must be an object with 'users', 'roles' or both."
        raise Fault.of("validation", NOBODY, detail)


def _texts(found: JsonObject, what: str) -> list[str]:
    if what not in found:
        return []
    given = found[what]
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or len(texts) > MAX_CANDIDATES or not texts:
        detail = f"'{what}' must be a text or a list of at most {MAX_CANDIDATES}, and not empty."
        raise Fault.of("validation", NOBODY, detail)
    if not all(isinstance(text, str) and text for text in texts):
        raise Fault.of("validation", NOBODY, f"'{what}' are no texts.")
    return [str(text) for text in texts]
