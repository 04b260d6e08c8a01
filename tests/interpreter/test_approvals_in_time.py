"""A decision that was accepted counts, also when the time is over before the run looks at it."""

import asyncio
import time
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from activities.approvals.types import Approval, ApprovalStatus, Telling
from tests.fixtures.polling import pause
from tests.interpreter.asking import asked, finished, person, says, the_one
from tests.interpreter.conftest import Runner
from workflows.approvals.desk import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Hold back what tells the inbox of the first vote until this is set."""
    go_on, show = asyncio.Event(), Desk.show

    async def held_back(desk: Desk, approval: Approval, telling: Telling) -> None:
        if approval.revision == 2:
            await go_on.wait()
        await show(desk, approval, telling)

    monkeypatch.setattr(Desk, "show", held_back)
    return go_on


async def _accepted(handle: WorkflowHandle[Any, Any], votes: int) -> None:
    """Wait until the run has taken so many."""
    while True:
        history = await handle.fetch_history()
        taken = [
            event
            for event in history.events
            if event.HasField("workflow_execution_update_completed_event_attributes")
        ]
        if len(taken) == votes:
            return
        await pause()


@pytest.mark.parametrize(
    ("approves", "more", "status"),
    [
        (True, "timeout: { after: PT2S, then: reject }", ApprovalStatus.APPROVED),
        (False, "timeout: { after: PT2S, then: approve }", ApprovalStatus.REJECTED),
        (False, "timeout: { after: PT2S, then: default, value: 1 }", ApprovalStatus.REJECTED),
        (
            False,
            "escalation: [ { after: PT2S, candidates: { users: [ cho@plant.example ] } } ]",
            ApprovalStatus.REJECTED,
        ),
    ],
)
async def test_what_is_due_later_changes_no_decision(
    run: Runner, held: asyncio.Event, approves: bool, more: str, status: ApprovalStatus
) -> None:
    given = f"        quorum: 2\n        onReject: continue\n        {more}"
    handle, shown = await asked(run, given)
    asked_at = time.time()
    first = asyncio.create_task(says(run, person(run, "ada"), shown))
    await _accepted(handle, 1)
    second = asyncio.create_task(says(run, person(run, "m", "manager"), shown, approves=approves))
    await _accepted(handle, 2)
    while time.time() < asked_at + 2.5:
        await pause()
    held.set()

    ended = await finished(run, handle)
    how = ended.output["how"]
    assert how["approved"] is (status is ApprovalStatus.APPROVED)
    assert [vote["approves"] for vote in how["votes"]] == [True, approves]
    await asyncio.gather(first, second)
    last = await the_one(run)
    assert last.status is status
    assert last.users == ["ada@plant.example"], "nobody is asked any more"
