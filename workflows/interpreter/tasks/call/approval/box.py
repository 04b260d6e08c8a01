"""The state of one approval, and what changes it."""

from typing import Final

from temporalio import workflow

from activities.approvals.types import Approval, ApprovalStatus, Person, Vote
from foundation.json import JsonObject, canonical
from foundation.schemas import compiled, described
from workflows.definition import MAX_CANDIDATES
from workflows.interpreter.position import State
from workflows.interpreter.types import Decision, Refusal

MAX_FORM_BYTES: Final = 16 * 1024


class Box:
    """The state of one execution, and what changes it.

    All of it is data that the next run goes on with: `approval` as it is shown, `due` (what happens
    when, by itself), `tell` (whom to notify of what), `shown` (the revision that the inbox has).
    """

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def approval(self) -> Approval:
        """The approval as it is now."""
        return Approval.model_validate(self.state["approval"])

    def change(self, **changes: object) -> None:
        """Change it; the inbox has to be told."""
        approval = self.approval
        changed = approval.model_copy(update={**changes, "revision": approval.revision + 1})
        self.state["approval"] = changed.model_dump(mode="json")

    def refusal(self, decision: Decision) -> tuple[Refusal, str] | None:
        """Say why a decision cannot be taken, or None."""
        approval, vote = self.approval, decision.vote
        if approval.status is not ApprovalStatus.PENDING:
            return Refusal.CONFLICT, f"It has been decided already: {approval.status.value}."
        person = vote.person if vote else decision.person
        if person is None:
            return Refusal.INVALID, "It does not say who decides."
        if (refused := _may_not(person, approval)) is not None:
            return refused
        if vote is None:
            why = _cannot_be_handed(person, decision.to, approval)
        elif vote.data_hash != approval.data_hash:
            return Refusal.CONFLICT, "What is to be approved is not what you saw. Look again."
        else:
            why = _wrong_form(vote, approval.form)
        return None if why is None else (Refusal.INVALID, why)

    def take(self, decision: Decision) -> None:
        """Take a decision that is not refused."""
        approval = self.approval
        if decision.vote is None:
            assert decision.person is not None  # noqa: S101 - refused otherwise
            assert decision.to is not None  # noqa: S101
            self.change(
                users=[*approval.users, decision.to.lower()],
                excluded=[*approval.excluded, decision.person.id],
                handed=[*approval.handed, decision.person.email.lower()],
            )
            self.state["tell"].append("delegated")
            return
        vote = decision.vote
        if not vote.at:
            # Before the moment was signed it was left to the run.
            vote = vote.model_copy(update={"at": workflow.time()})
        votes = [*approval.votes, vote]
        self.change(votes=votes)
        if not vote.approves:
            self.end(ApprovalStatus.REJECTED)
        elif sum(each.approves for each in votes) >= approval.quorum:
            self.end(ApprovalStatus.APPROVED)

    def end(self, status: ApprovalStatus) -> None:
        """Nobody can decide any more."""
        self.change(status=status, closed_at=workflow.time())


def _wrong_form(vote: Vote, form: JsonObject | None) -> str | None:
    if len(canonical(vote.form)) > MAX_FORM_BYTES:
        return f"The form takes more than {MAX_FORM_BYTES:,} bytes."
    if form is None:
        return None if vote.form is None else "There is no form to fill in."
    # Whoever says no need not say more.
    if not vote.approves and vote.form is None:
        return None
    violations = compiled(form).violations(vote.form)
    return f"The form is not filled in rightly: {described(violations)}" if violations else None


def _may_not(person: Person, approval: Approval) -> tuple[Refusal, str] | None:
    if any(vote.person.id == person.id for vote in approval.votes):
        return Refusal.CONFLICT, "You have decided already."
    if person.id in approval.excluded:
        why = "You cannot decide this: you asked for it, or have handed it on."
        return Refusal.FORBIDDEN, why
    if person.email.lower() not in approval.users and not set(person.roles) & {*approval.roles}:
        return Refusal.FORBIDDEN, "You are none of those who may decide this."
    return None


def people_of(approval: Approval) -> set[str]:
    """Return those who have decided, and those named who still can."""
    return {*approval.users} - {*approval.handed} | _voted(approval)


def _voted(approval: Approval) -> set[str]:
    return {vote.person.email.lower() for vote in approval.votes}


def _cannot_be_handed(person: Person, to: str | None, approval: Approval) -> str | None:
    """Say why nobody would be left to decide, or None."""
    if not to or "@" not in to:
        return "Name the mail address of the person who is to decide."
    address, own = to.lower(), person.email.lower()
    voted = _voted(approval)
    left = {*approval.users, address} - {*approval.handed, own}
    reasons = (
        (address == own, "You are that person. Decide it, or name somebody else."),
        (address in approval.handed, f"{to} has handed it on before. Name somebody else."),
        (address in voted, f"{to} has decided already. Name somebody else."),
        (len(approval.users) >= MAX_CANDIDATES, "It has been handed on too often."),
        (
            # How many belong to a role is not known here.
            not approval.roles and len(left | voted) < approval.quorum,
            f"Then fewer people than the {approval.quorum} who have to approve could decide.",
        ),
    )
    return next((why for is_so, why in reasons if is_so), None)
