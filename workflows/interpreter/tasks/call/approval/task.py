"""Ask people, wait for them, do what is to be done meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from temporalio import workflow

from activities.approvals.types import Approval, ApprovalStatus
from activities.types import ActivityResult
from foundation.json import JsonValue, digest
from workflows.expressions import Template
from workflows.interpreter.calls import LOOKUP_RETRY, shortened
from workflows.interpreter.control import Leaving
from workflows.interpreter.durations import Delay
from workflows.interpreter.faults import Fault
from workflows.interpreter.requesters import requesters
from workflows.interpreter.resets import RESUMED_ANEW, TOLD_ANEW, was_reset
from workflows.interpreter.run import Frame, instant, moment
from workflows.interpreter.steps import Outcome, Step
from workflows.interpreter.tasks.call.approval.box import Box
from workflows.interpreter.tasks.call.approval.candidates import (
    Candidates,
    Rung,
    refuse_too_few,
)
from workflows.interpreter.tasks.call.approval.computed import (
    form_of,
    quorum_of,
    refuse_misplaced,
)
from workflows.interpreter.tasks.call.approval.naming import approval_id
from workflows.interpreter.tasks.call.approval.telling import Telling, is_told_beside

TIMEOUT_S: Final = 15.0
DECIDED_IN_TIME: Final = "approval-decided-in-time"


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask people, wait for them, do what is to be done meanwhile."""

    shown: Template
    data: Template | None
    form: Template | None
    candidates: Candidates
    quorum: Template
    allow_requester: bool
    reminders: Sequence[Delay]
    ladder: Sequence[Rung]
    timeout: Delay | None
    then: Literal["reject", "approve", "escalate", "default"]
    default: Template | None
    faults: bool
    notify: Step | None
    misplaced: str | None

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        is_new = _is_new(frame)
        if is_new:
            self._begin(value, frame)
        box = Box(frame.state)
        approvals, approval = frame.run.approvals, box.approval
        approvals[approval.id] = box
        stays = False
        try:
            if not is_new and frame.run.disturbed and workflow.patched(RESUMED_ANEW):
                await self._look_again(frame, box)
            await self._decided(value, frame, box)
        except (Leaving, GeneratorExit):
            stays = True  # the next run goes on with it, or another worker
            raise
        finally:
            del approvals[approval.id]
            if not stays:
                if box.approval.status is ApprovalStatus.PENDING:
                    box.end(ApprovalStatus.CANCELLED)
                await self._show(frame, box)
        return Outcome(self._output(box.approval, value, frame))

    def _begin(self, value: JsonValue, frame: Frame) -> None:
        refuse_misplaced(self.misplaced)
        shown = frame.evaluate(self.shown, value)
        assert isinstance(shown, dict)  # noqa: S101 - compiled from an object
        data = value if self.data is None else frame.evaluate(self.data, value)
        users, roles = self.candidates.known(value, frame)
        info, now = workflow.info(), workflow.time()
        timeout = None if self.timeout is None else now + self.timeout.seconds(value, frame)
        approval = Approval(
            tenant_id=frame.run.tenant_id,
            id=_id(frame),
            revision=1,
            workflow_id=info.workflow_id,
            execution=frame.path,
            asked_by=info.run_id,
            title=_text(shown["title"], "title"),
            description=_text(shown["description"], "description")
            if "description" in shown
            else None,
            data=data,
            data_hash=digest(data),
            form=form_of(self.form, value, frame),
            users=users,
            roles=roles,
            excluded=[] if self.allow_requester else requesters(workflow.memo(), info.workflow_id),
            quorum=quorum_of(self.quorum, value, frame),
            opened_at=now,
            due_at=timeout,
        )
        due: list[list[JsonValue]] = [
            [now + each.seconds(value, frame), "remind"] for each in self.reminders
        ]
        at = now
        for rung in self.ladder:
            at += rung.after.seconds(value, frame)
            due.append([at, "escalate"])
        if timeout is not None:
            due.append([timeout, "timeout"])
        refuse_too_few(approval, self.ladder)
        frame.state.update(
            approval=approval.model_dump(mode="json"),
            due=sorted(due, key=lambda each: each[0]),  # type: ignore[arg-type, return-value]
            tell=["opened"] if self.notify else [],
            beside=self.notify is not None and is_told_beside(),
            told=0,
            rung=0,
            shown=0,
        )

    async def _decided(self, value: JsonValue, frame: Frame, box: Box) -> None:
        """Return when it has been decided."""
        async with Telling(self.notify, frame, box) as telling:
            await self._wait(value, frame, box, telling)

    async def _wait(self, value: JsonValue, frame: Frame, box: Box, telling: Telling) -> None:
        state, control, run = frame.state, frame.run.control, frame.run
        resets, since = run.resets, workflow.time()
        while box.approval.status is ApprovalStatus.PENDING:
            if run.resets == resets:
                since = workflow.time()
            await self._show(frame, box)
            if await telling.go_on():
                continue
            until = state["due"][0][0] if state["due"] else None
            approval, is_due = box.approval, False
            with frame.waits("approval", until, approval=approval.id, title=approval.title):
                try:
                    await workflow.wait_condition(
                        partial(_has_news, frame, box, resets),
                        timeout=None if until is None else max(until - workflow.time(), 0.0),
                        timeout_summary=shortened(frame.path),
                    )
                except TimeoutError:
                    is_due = True
                if run.resets != resets:
                    resets = run.resets
                    self._ask_anew(frame, box, since, telling)
                elif is_due and not _is_decided(box):
                    self._happens(state["due"].pop(0)[1], value, frame, box)
                if control.leaving:
                    await control.boundary(frame.position)

    async def _look_again(self, frame: Frame, box: Box) -> None:
        """Find out whether the run, which goes on for another one, was reset to its beginning.

        It has no moment before in which that would be noticed, and on its own word no command may
        depend (`was_reset`): so it asks whoever it tells.
        """
        if box.approval.status is not ApprovalStatus.PENDING:
            return
        asked_by = workflow.info().run_id if was_reset() else box.approval.asked_by
        box.change(asked_by=asked_by)
        if await self._show(frame, box):
            self._ask_anew(frame, box, workflow.info().workflow_start_time.timestamp())

    def _ask_anew(
        self, frame: Frame, box: Box, since: float, telling: Telling | None = None
    ) -> None:
        """Somebody has reset the run: the inbox has what was decided after this moment.

        Args:
            since: When the run stood here; people have as much time now as they had then.
        """
        state, approval, later = frame.state, box.approval, workflow.time() - since
        state["due"] = [[at + later, what] for at, what in state["due"]]
        box.change(
            asked_by=workflow.info().run_id,
            due_at=None if approval.due_at is None else approval.due_at + later,
        )
        if "opened" not in state["tell"] or (
            # What people were just sent may be a link of the run before.
            telling is not None
            and telling.is_under_way
            and "opened" not in state["tell"][1:]
            and workflow.patched(TOLD_ANEW)
        ):
            self._add(frame, "opened")

    def _happens(self, what: str, value: JsonValue, frame: Frame, box: Box) -> None:
        """Do what is due."""
        if what == "remind":
            self._add(frame, "reminder")
        elif what == "escalate":
            self._climb(value, frame, box)
        elif self.then == "escalate" and frame.state["rung"] < len(self.ladder):
            self._climb(value, frame, box)
            _follow(frame)
            self._again(value, frame, box)
        else:
            box.end(_ENDS[self.then])

    def _climb(self, value: JsonValue, frame: Frame, box: Box) -> None:
        """Let more people decide."""
        rung, approval = frame.state["rung"], box.approval
        if rung == len(self.ladder):
            return
        users, roles = self.ladder[rung].candidates.known(value, frame)
        frame.state["rung"] = rung + 1
        box.change(users=[*approval.users, *users], roles=[*approval.roles, *roles])
        refuse_too_few(box.approval, self.ladder[rung + 1 :])
        self._add(frame, "escalated")

    def _again(self, value: JsonValue, frame: Frame, box: Box) -> None:
        assert self.timeout is not None  # noqa: S101 - it has just ended
        due_at = workflow.time() + self.timeout.seconds(value, frame)
        box.change(due_at=due_at)
        frame.state["due"] = sorted([*frame.state["due"], [due_at, "timeout"]])

    def _add(self, frame: Frame, what: str) -> None:
        if self.notify is not None:
            frame.state["tell"].append(what)

    async def _show(self, frame: Frame, box: Box) -> bool:
        """Tell the inbox what it does not know; return whether this run has asked it."""
        approval, state = box.approval, frame.state
        if state["shown"] == approval.revision:
            return False
        path = f"{frame.path} show {approval.revision}"
        told = await frame.run.calls.execute(
            "approval-show",
            approval,
            ActivityResult,
            activity_id=path,
            summary=path,
            timeout_s=TIMEOUT_S,
            heartbeat=False,
            retry=LOOKUP_RETRY,
        )
        state["shown"] = approval.revision
        return told.value is True

    def _output(self, approval: Approval, value: JsonValue, frame: Frame) -> JsonValue:
        """Return what the decision was.

        Raises:
            Fault: When it was no, unless the definition wants to go on then.
        """
        if approval.status is ApprovalStatus.DEFAULTED:
            return frame.evaluate(self.default, value) if self.default else None
        if approval.status is ApprovalStatus.REJECTED and self.faults:
            raise Fault.of("authorization", "The approval was rejected", _told(approval))
        filled = [vote.form for vote in approval.votes if vote.approves and vote.form is not None]
        return {
            "approved": approval.status is ApprovalStatus.APPROVED,
            "id": approval.id,
            "dataHash": approval.data_hash,
            "form": filled[-1] if filled else None,
            "votes": [
                {
                    "by": vote.person.email,
                    "approves": vote.approves,
                    "comment": vote.comment,
                    "form": vote.form,
                    "at": instant(moment(vote.at))["iso8601"],
                }
                for vote in approval.votes
            ],
        }


def _has_news(frame: Frame, box: Box, resets: int) -> bool:
    run = frame.run
    # What changed while the inbox was told is not told yet.
    untold = box.approval.revision != frame.state["shown"]
    return untold or run.control.leaving or run.resets != resets


def _is_decided(box: Box) -> bool:
    """Tell whether somebody decided while the inbox was told, so that nothing is due any more.

    In older versions what was due took the place of the decision.
    """
    pending = box.approval.status is ApprovalStatus.PENDING
    return not pending and workflow.patched(DECIDED_IN_TIME)


def _id(frame: Frame) -> str:
    info = workflow.info()
    return approval_id(info.workflow_id, info.first_execution_run_id, frame.path)


def _is_new(frame: Frame) -> bool:
    """Tell whether people have to be asked anew.

    What a run was asking when it failed has left the inbox; when it is retried, its state is there
    still, and people must be able to find it again.
    """
    known: JsonValue = frame.state.get("approval")
    return not isinstance(known, dict) or known["id"] != _id(frame)


def _follow(frame: Frame) -> None:
    """A rung has been climbed before its time: those above it follow so much sooner."""
    state = frame.state
    rungs = [at for at, what in state["due"] if what == "escalate"]
    rest = [each for each in state["due"] if each[1] != "escalate"]
    sooner = rungs[0] - workflow.time()
    state["due"] = sorted([*rest, *([at - sooner, "escalate"] for at in rungs[1:])])


_ENDS: Final[Mapping[str, ApprovalStatus]] = {
    "reject": ApprovalStatus.REJECTED,
    "escalate": ApprovalStatus.REJECTED,
    "approve": ApprovalStatus.APPROVED,
    "default": ApprovalStatus.DEFAULTED,
}


def _told(approval: Approval) -> str:
    no = next((vote for vote in approval.votes if not vote.approves), None)
    if no is None:
        return f"Nobody decided '{approval.title}' in time."
    why = f": {no.comment}" if no.comment else "."
    return f"'{approval.title}' was rejected by {no.person.email}{why}"


def _text(found: JsonValue, what: str) -> str:
    if not isinstance(found, str) or not found:
        raise Fault.of("expression", f"The {what} of the approval is no text")
    return found
