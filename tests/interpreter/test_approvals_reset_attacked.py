"""Runs reset at bad moments: while people decide, twice, and where they go on as new ones."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import anyio
import pytest
from temporalio.client import Client, WorkflowHandle

from activities.approvals.types import Approval, ApprovalStatus, Telling
from foundation.database import Database
from foundation.errors import ConflictError, UnavailableError
from security.principal import Principal
from tests.fixtures.polling import pause
from tests.interpreter.asking import STOP, asked, asking, finished, person, says, the_one
from tests.interpreter.conftest import Runner, working
from tests.interpreter.resetting import moments_of, reset, until_votes
from workflows.approvals.schemas import ApprovalInfo
from workflows.approvals.service import AskedAnewError
from workflows.approvals.sweeping import still_waits, sweep

pytestmark = pytest.mark.anyio

TWO = "        quorum: 2"
FIRST_ANOTHER = """
do:
  - gate:
      call: approval
      with: { title: Gate, candidates: { roles: [ manager ] } }
  - release:
      call: approval
      with: { title: Release, candidates: { roles: [ manager ] } }
"""
LONG = """
do:
  - both:
      fork:
        branches:
          - busy:
              for: { in: '${ [range(12)] }' }
              do: [ { rest: { wait: { milliseconds: 1 } } } ]
          - ask:
              call: approval
              with: { title: Go on, quorum: 2, candidates: { roles: [ manager ] } }
"""


async def kept(run: Runner, approval_id: str) -> Approval:
    found = await run.inbox.desk.read(run.tenant, approval_id)
    assert found is not None
    return found


async def waiting(run: Runner, who: Principal) -> list[str]:
    """Return what somebody finds in the inbox."""
    return [each.title for each in (await run.inbox.list(who)).items]


async def until_titled(run: Runner, who: Principal, title: str) -> ApprovalInfo:
    while True:
        for each in (await run.inbox.list(who)).items:
            if each.title == title:
                return each
        await pause()


async def insists(run: Runner, who: Principal, shown: ApprovalInfo, **more: Any) -> None:
    while True:
        with suppress(UnavailableError):
            await says(run, who, shown, **more)
            return


async def went_on(run: Runner, handle: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
    """Wait until a run has gone on as another one, and rests there; return that one."""
    await run.until(handle, lambda found: found.run_before is not None)
    await run.until(handle, lambda found: len(found.waiting_for) == 1)
    latest = (await run.client.get_workflow_handle(handle.id).describe()).run_id
    return run.client.get_workflow_handle(handle.id, first_execution_run_id=latest)


async def test_what_only_the_abandoned_run_had_asked_leaves_the_inbox_until_it_is_asked_again(
    run: Runner,
) -> None:
    boss = person(run, "m", "manager")
    handle = await run.start(FIRST_ANOTHER)
    gate = await until_titled(run, boss, "Gate")
    moments = await moments_of(handle)
    await says(run, boss, gate)
    release = await until_titled(run, boss, "Release")
    again = await reset(run.client, handle, moments[-1])
    assert (await until_titled(run, boss, "Gate")).votes == []
    assert not await still_waits(run.client, await kept(run, release.id))
    while (await kept(run, release.id)).status is ApprovalStatus.PENDING:
        await sweep(run.inbox.desk, run.client, checked_again_s=0)
    assert await waiting(run, boss) == ["Gate"]

    await says(run, boss, gate)
    await says(run, boss, await until_titled(run, boss, "Release"))
    assert (await finished(run, again)).error is None


async def test_who_decides_what_only_the_abandoned_run_had_asked_is_told_so(run: Runner) -> None:
    boss = person(run, "m", "manager")
    handle = await run.start(FIRST_ANOTHER)
    gate = await until_titled(run, boss, "Gate")
    moments = await moments_of(handle)
    await says(run, boss, gate)
    release = await until_titled(run, boss, "Release")
    again = await reset(run.client, handle, moments[-1])
    with pytest.raises(ConflictError, match="does not ask it now"):
        await says(run, boss, release)
    assert await waiting(run, boss) == ["Gate"]
    await run.client.get_workflow_handle(again.id).terminate()


async def test_closing_what_was_read_before_does_not_close_what_is_asked_anew(run: Runner) -> None:
    handle, shown = await asked(run)
    moments = await moments_of(handle)
    before = await kept(run, shown.id)
    again = await reset(run.client, handle, moments[0])
    while (now := await kept(run, shown.id)).told_by == before.told_by:
        await pause()
    assert now.revision == before.revision
    await run.inbox.desk.close(before)
    assert await kept(run, shown.id) == now
    await run.inbox.desk.close(now)
    assert (await kept(run, shown.id)).status is ApprovalStatus.CANCELLED
    await run.client.get_workflow_handle(again.id).terminate()


async def test_what_an_abandoned_run_tells_late_does_not_count(run: Runner) -> None:
    handle, shown = await asked(run)
    moments = await moments_of(handle)
    before = await kept(run, shown.id)
    again = await reset(run.client, handle, moments[-1])
    while (now := await kept(run, shown.id)).told_by == before.told_by:
        await pause()
    late = before.model_copy(update={"revision": 9, "status": ApprovalStatus.APPROVED})
    began = (await handle.describe()).start_time
    await run.inbox.desk.show(late, Telling(run_id=before.told_by, at=began))
    assert await kept(run, shown.id) == now
    await run.inbox.desk.show(
        now.model_copy(update={"revision": now.revision + 1, "quorum": 2}),
        Telling(run_id=now.told_by, at=began - timedelta(days=1)),
    )
    assert (await kept(run, shown.id)).quorum == 2
    await run.client.get_workflow_handle(again.id).terminate()


async def test_of_several_who_decide_while_it_is_reset_none_is_lost_afterwards(
    run: Runner,
) -> None:
    handle, shown = await asked(run, "        quorum: 6")
    moments = await moments_of(handle)
    people = [person(run, f"m{number}", "manager") for number in range(6)]
    async with anyio.create_task_group() as group:
        for who in people:
            group.start_soon(insists, run, who, shown)
        again = await reset(run.client, handle, moments[-1])
    # Whoever was heard before the moment says it again, as all do whom nobody tells.
    while (found := await kept(run, shown.id)).asked_by != again.first_execution_run_id:
        await pause()
    assert found.status is ApprovalStatus.PENDING or len(found.votes) == len(people)
    for who in people:
        with suppress(ConflictError):
            await insists(run, who, shown)
    ended = await finished(run, again)
    assert len({vote["by"] for vote in ended.output["how"]["votes"]}) == len(people)


async def test_what_is_said_while_no_worker_is_there_counts_for_the_run_that_is_reset(
    temporal: Client,
    task_queue: str,
    tenant: str,
    stub_hosts: dict[str, str],
    shared_database: Database,
) -> None:
    parts = (temporal, task_queue, tenant, stub_hosts, shared_database)
    async with working(*parts) as run:
        handle, shown = await asked(run, TWO)
        moments = await moments_of(handle)
        ada = person(run, "ada")
        await says(run, ada, shown)
    again = await reset(run.client, handle, moments[-1])
    # The inbox shows still that she has decided; but that counts no more.
    assert len((await kept(run, shown.id)).votes) == 1
    async with anyio.create_task_group() as group:
        group.start_soon(insists, run, ada, shown)
        async with working(*parts) as run:
            await says(run, person(run, "bo", "manager"), await until_votes(run, 1))
            ended = await finished(run, again)
    assert {vote["by"] for vote in ended.output["how"]["votes"]} == {
        "ada@plant.example",
        "bo@plant.example",
    }


async def test_a_decision_on_what_was_asked_before_is_refused_where_it_is_for_that_alone(
    run: Runner,
) -> None:
    handle, shown = await asked(run)
    moments = await moments_of(handle)
    again = await reset(run.client, handle, moments[-1])
    ada = person(run, "ada")
    # Whether or not the inbox knows yet.
    for _ in range(2):
        with pytest.raises(AskedAnewError, match="asked anew"):
            await says(run, ada, shown, asked_by=handle.first_execution_run_id)
    assert (await until_votes(run, 0)).mine is False
    await says(run, ada, shown, asked_by=again.first_execution_run_id)
    assert (await finished(run, again)).error is None


async def test_a_run_that_was_reset_can_be_reset_again(run: Runner) -> None:
    handle, shown = await asked(run, TWO)
    moments = await moments_of(handle)
    for _ in range(3):
        again = await reset(run.client, handle, moments[-1])
        while (await kept(run, shown.id)).asked_by != again.first_execution_run_id:
            await pause()
        await says(run, person(run, "ada"), await until_votes(run, 0))
        await until_votes(run, 1)
    # And what was reset is reset itself, to where one has decided.
    await run.until(again, asking)
    later = await moments_of(again)
    await says(run, person(run, "m", "manager"), shown, approves=False)
    last = await reset(run.client, again, later[-1])
    await says(run, person(run, "bo", "manager"), await until_votes(run, 1))
    ended = await finished(run, last)
    assert len(ended.output["how"]["votes"]) == 2


async def test_what_was_handed_on_after_the_moment_is_not_handed_on(run: Runner) -> None:
    handle, shown = await asked(run)
    moments = await moments_of(handle)
    ada, bo = person(run, "ada"), person(run, "bo")
    await run.decisions.delegate(ada, shown.id, bo.email)
    again = await reset(run.client, handle, moments[-1])
    while (now := await kept(run, shown.id)).handed:
        await pause()
    assert now.users == ["ada@plant.example"]
    await says(run, ada, shown)
    assert (await finished(run, again)).error is None


@pytest.mark.parametrize("to_its_beginning", [True, False])
async def test_a_run_that_goes_on_for_another_one_asks_anew_too(
    restless: Runner, to_its_beginning: bool
) -> None:
    run = restless
    handle = await run.start(LONG)
    await run.until(handle, asking)
    shown = await the_one(run)
    await says(run, person(run, "m1", "manager"), shown)
    second = await went_on(run, handle)
    moments = await moments_of(second)
    await says(run, person(run, "m2", "manager"), shown, approves=False)
    assert (await run.ended(handle)).error is not None

    again = await reset(run.client, second, moments[0 if to_its_beginning else -1])
    # Who decided before the run went on as this one has decided.
    shown = await until_votes(run, 1)
    assert [vote.by for vote in shown.votes] == ["m1@plant.example"]
    await says(run, person(run, "m3", "manager"), shown)
    ended = await run.ended(run.client.get_workflow_handle(again.id))
    assert [vote["by"] for vote in ended.output[1]["votes"]] == [
        "m1@plant.example",
        "m3@plant.example",
    ]
    await run.replay(again)


async def test_a_run_that_is_reset_to_after_its_approval_asks_nobody(run: Runner) -> None:
    tasks = STOP % "" + "  - nap: { wait: PT1H }\n"
    handle = await run.start(tasks, {"lot": 7})
    await run.until(handle, asking)
    shown = await the_one(run)
    await says(run, person(run, "ada"), shown)
    await run.until(
        handle, lambda found: any(each["kind"] == "timer" for each in found.waiting_for)
    )
    again = await reset(run.client, handle, (await moments_of(handle))[-1])
    await run.until(again, lambda found: any(each["kind"] == "timer" for each in found.waiting_for))
    now = await kept(run, shown.id)
    assert (now.status, len(now.votes)) == (ApprovalStatus.APPROVED, 1)
    with pytest.raises(ConflictError):
        await says(run, person(run, "m", "manager"), shown, approves=False)
    assert await kept(run, shown.id) == now
    await run.client.get_workflow_handle(again.id).terminate()
