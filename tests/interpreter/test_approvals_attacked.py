"""Approvals attacked: at once, twice, in circles, replayed, and by runs that go other ways."""

from collections import Counter
from contextlib import suppress
from typing import Any

import anyio
import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.approvals.types import Approval, ApprovalStatus
from foundation.database import Database
from foundation.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MillwrightError,
    UnavailableError,
)
from foundation.settings import TemporalSettings
from security.principal import Principal
from tests.fixtures.polling import pause
from tests.interpreter.asking import STOP, asked, asking, finished, person, says, the_one
from tests.interpreter.conftest import Runner
from workflows.approvals.schemas import ApprovalInfo
from workflows.approvals.sweeping import still_waits, sweep
from workflows.catalog import Catalog
from workflows.instances.service import Instances
from workflows.interpreter.types import (
    DECIDE_UPDATE,
    PAUSE_UPDATE,
    RESUME_UPDATE,
    Decision,
    RunStatus,
    TaskState,
)
from workflows.runs.names import of_workflow_id
from workflows.runs.pages import PageTokens

pytestmark = pytest.mark.anyio

TWO = """
do:
  - release:
      call: approval
      with:
        title: Release
        candidates: { users: [ ada@plant.example, bob@plant.example ] }
        quorum: %d
"""


async def outcomes(*attempts: Any) -> Counter[str]:
    """Try all at once; count what became of them."""
    counted: Counter[str] = Counter()

    async def one(attempt: Any) -> None:
        try:
            await attempt
        except MillwrightError as error:
            counted[type(error).__name__] += 1
        else:
            counted["taken"] += 1

    async with anyio.create_task_group() as group:
        for attempt in attempts:
            group.start_soon(one, attempt)
    return counted


async def insists(
    run: Runner, who: Principal, shown: ApprovalInfo, *, approves: bool = True, **more: Any
) -> ApprovalInfo:
    """Say it again for as long as nobody answers in time, which is what clients do."""
    while True:
        with suppress(UnavailableError):
            return await says(run, who, shown, approves=approves, **more)


async def kept(run: Runner, shown: ApprovalInfo) -> Approval:
    found = await run.inbox.desk.read(run.tenant, shown.id)
    assert found is not None
    return found


async def mine(run: Runner, who: Principal) -> list[str]:
    return [each.title for each in (await run.inbox.list(who)).items if each.mine]


def instances(run: Runner, database: Database) -> Instances:
    settings = TemporalSettings(task_queue=run.task_queue)
    return Instances(run.client, Catalog(database), settings, PageTokens(bytes(32)))


def name(handle: WorkflowHandle[Any, Any]) -> str:
    named = of_workflow_id(handle.id)
    assert named is not None
    return named[1].instance_id


async def test_of_32_people_at_once_one_decides(run: Runner) -> None:
    handle, shown = await asked(run)
    people = [person(run, f"m{number}", "manager") for number in range(32)]
    counted = await outcomes(
        *(insists(run, who, shown, approves=bool(n % 2)) for n, who in enumerate(people))
    )
    assert counted == {"taken": 1, "ConflictError": 31}
    await finished(run, handle)
    assert len((await kept(run, shown)).votes) == 1


async def test_32_clicks_of_one_person_are_one_vote(run: Runner) -> None:
    handle, shown = await asked(run, "        quorum: 2")
    ada = person(run, "ada")
    counted = await outcomes(*(insists(run, ada, shown, comment="yes") for _ in range(32)))
    assert counted == {"taken": 32}
    after = await kept(run, shown)
    assert (after.status, len(after.votes)) == (ApprovalStatus.PENDING, 1)
    await handle.terminate()


async def test_yes_and_no_of_one_person_at_once_are_one_of_them(run: Runner) -> None:
    handle, shown = await asked(run, "        quorum: 3\n        onReject: continue")
    ada = person(run, "ada")
    counted = await outcomes(*(insists(run, ada, shown, approves=bool(n % 2)) for n in range(32)))
    assert counted == {"taken": 16, "ConflictError": 16}
    assert len((await kept(run, shown)).votes) == 1
    with suppress(RPCError):  # it has ended if it was a no
        await handle.terminate()


async def test_one_person_with_two_reasons_to_be_asked_has_one_vote(run: Runner) -> None:
    handle, shown = await asked(run, "        quorum: 2")
    await says(run, person(run, "ada"), shown)
    both = Principal(run.tenant, "id-ada", "ADA@plant.example", frozenset({"manager"}), frozenset())
    with pytest.raises(ConflictError, match="already"):
        await says(run, both, shown, comment="again")
    assert len((await kept(run, shown)).votes) == 1
    await handle.terminate()


async def test_nobody_hands_an_approval_in_circles(run: Runner) -> None:
    handle, shown = await asked(run, by="id-req")
    ada, bob, cora = (person(run, who) for who in ("ada", "bob", "cora"))
    person(run, "req")
    hand = run.decisions.delegate
    with pytest.raises(InvalidInputError, match="You are that person"):
        await hand(ada, shown.id, "Ada@Plant.example")
    with pytest.raises(InvalidInputError, match="Nobody who may decide"):
        await hand(ada, shown.id, "adda@plant.example")
    with pytest.raises(InvalidInputError, match="asked for this"):
        await hand(ada, shown.id, "req@plant.example")
    await hand(ada, shown.id, "bob@plant.example")
    await hand(bob, shown.id, "cora@plant.example")
    for back in ("ada", "bob"):
        with pytest.raises(InvalidInputError, match="handed it on"):
            await hand(cora, shown.id, f"{back}@plant.example")
    for who in (ada, bob):
        with pytest.raises(ForbiddenError):
            await hand(who, shown.id, "cora@plant.example")
    await says(run, cora, shown)
    ended = await finished(run, handle)
    assert [vote["by"] for vote in ended.output["how"]["votes"]] == ["cora@plant.example"]


async def test_the_run_itself_hands_nothing_back(run: Runner) -> None:
    """Also past the service, which knows more people than the run does."""
    handle, shown = await asked(run)
    ada, bob = person(run, "ada"), person(run, "bob")
    await run.decisions.delegate(ada, shown.id, "bob@plant.example")
    run.people.remove(ada)
    again = Principal(run.tenant, "id-ada2", ada.email, frozenset(), ada.permissions)
    run.people.add(again)
    with pytest.raises(InvalidInputError, match="has handed it on before"):
        await run.decisions.delegate(bob, shown.id, ada.email)
    await handle.terminate()


async def test_handing_on_leaves_as_many_as_have_to_approve(run: Runner) -> None:
    handle = await run.start(TWO % 2)
    await run.until(handle, asking)
    shown = await the_one(run)
    ada, bob, cora = (person(run, who) for who in ("ada", "bob", "cora"))
    with pytest.raises(InvalidInputError, match="fewer people than the 2"):
        await run.decisions.delegate(ada, shown.id, "bob@plant.example")
    await says(run, bob, shown)
    with pytest.raises(InvalidInputError, match="decided already"):
        await run.decisions.delegate(ada, shown.id, "bob@plant.example")
    await run.decisions.delegate(ada, shown.id, "cora@plant.example")
    await says(run, cora, shown)
    assert len((await finished(run, handle)).output["votes"]) == 2


async def test_whoever_asked_neither_decides_nor_hands_on(run: Runner) -> None:
    handle, shown = await asked(run, by="id-ada")
    ada, bob = person(run, "ada"), person(run, "bob")
    with pytest.raises(ForbiddenError):
        await run.decisions.delegate(ada, shown.id, bob.email)
    with pytest.raises(ForbiddenError):
        await says(
            run,
            Principal(run.tenant, "id-ada", "x@x.example", frozenset({"manager"}), frozenset()),
            shown,
        )
    assert (await kept(run, shown)).votes == []
    await handle.terminate()


async def test_a_vote_taken_from_another_approval_is_seen_to_be_none(run: Runner) -> None:
    """Only who can reach Temporal itself can send one; it still does not pass for a decision."""
    first, one = await asked(run)
    await says(run, person(run, "ada"), one)
    await finished(run, first)
    vote = (await kept(run, one)).votes[0]
    second = await run.start(TWO % 1)
    await run.until(second, asking)
    other = await the_one(run)
    decision = Decision(approval=other.id, vote=vote)
    with pytest.raises(Exception, match="update failed"):
        # Of other data it is not taken at all,
        await second.execute_update(DECIDE_UPDATE, decision)
    forged = vote.model_copy(update={"data_hash": other.data_hash})
    await second.execute_update(DECIDE_UPDATE, Decision(approval=other.id, vote=forged))
    await run.ended(second)
    # and of this data it is not signed.
    assert [each.verified for each in (await the_one(run)).votes] == [False]


async def test_the_approval_of_a_branch_that_lost_leaves_the_inbox(run: Runner) -> None:
    tasks = """
do:
  - race:
      fork:
        compete: true
        branches:
          - slow:
              call: approval
              with: { title: Slow, candidates: { users: ada@plant.example } }
          - quick:
              call: approval
              with: { title: Quick, candidates: { users: bob@plant.example } }
"""
    handle = await run.start(tasks)
    await run.until(handle, lambda found: len(found.waiting_for) == 2)
    ada, bob = person(run, "ada"), person(run, "bob")
    (slow,) = (await run.inbox.list(ada)).items
    await says(run, bob, (await run.inbox.list(bob)).items[0])
    ended = await finished(run, handle)
    assert ended.output["votes"][0]["by"] == "bob@plant.example"
    assert (await kept(run, slow)).status is ApprovalStatus.CANCELLED
    assert await mine(run, ada) == []
    with pytest.raises(ConflictError):
        await says(run, ada, slow)


async def test_both_branches_of_a_race_decided_at_once_end_it_once(run: Runner) -> None:
    tasks = """
do:
  - race:
      fork:
        compete: true
        branches:
          - left: { call: approval, with: { title: L, candidates: { users: ada@plant.example } } }
          - right: { call: approval, with: { title: R, candidates: { users: bob@plant.example } } }
"""
    handle = await run.start(tasks)
    await run.until(handle, lambda found: len(found.waiting_for) == 2)
    people = [person(run, "ada"), person(run, "bob")]
    found = [(who, (await run.inbox.list(who)).items[0]) for who in people]
    await outcomes(*(says(run, who, shown) for who, shown in found))
    assert (await finished(run, handle)).error is None
    for who, shown in found:
        # Whoever lost was decided or taken back; nothing is left to do.
        assert (await kept(run, shown)).status is not ApprovalStatus.PENDING
        assert await mine(run, who) == []


async def test_a_timeout_around_an_approval_takes_it_back(run: Runner) -> None:
    tasks = """
do:
  - careful:
      try:
        - release:
            call: approval
            with: { title: Release, candidates: { users: ada@plant.example } }
            timeout: { after: { milliseconds: 300 } }
      catch: { errors: { with: { status: 408 } }, do: [ { late: { set: { late: true } } } ] }
"""
    handle = await run.start(tasks)
    ended = await finished(run, handle)
    assert ended.output == {"late": True}
    assert (await the_one(run)).status is ApprovalStatus.CANCELLED


async def test_a_decision_is_taken_in_a_pause_and_nothing_goes_on_before_its_end(
    run: Runner,
) -> None:
    handle, shown = await asked(run)
    await handle.execute_update(PAUSE_UPDATE)
    after = await says(run, person(run, "ada"), shown)
    assert after.status is ApprovalStatus.APPROVED
    progress = await run.progress(handle)
    assert progress.status is RunStatus.PAUSED
    assert "released" not in [event.name for event in progress.events]
    await handle.execute_update(RESUME_UPDATE)
    assert (await finished(run, handle)).output["released"] is True


async def test_a_retried_instance_asks_again_and_takes_no_old_decision(
    run: Runner, shared_database: Database
) -> None:
    tasks = """
do:
  - both:
      fork:
        branches:
          - ask:
              call: approval
              with: { title: Go on, quorum: 2, candidates: { roles: [ manager ] } }
          - fails:
              do:
                - first:
                    call: approval
                    with: { title: First, candidates: { users: ada@plant.example } }
"""
    handle = await run.start(tasks)
    await run.until(handle, lambda found: len(found.waiting_for) == 2)
    ada, m1, m2 = person(run, "ada"), person(run, "m1", "manager"), person(run, "m2", "manager")
    old = next(each for each in (await run.inbox.list(m1)).items)
    await says(run, m1, old)
    await says(run, ada, (await run.inbox.list(ada)).items[0], approves=False)
    assert (await run.ended(handle)).kind == "authorization"
    assert (await kept(run, old)).status is ApprovalStatus.CANCELLED

    await instances(run, shared_database).retry(run.tenant, name(handle))
    latest = run.client.get_workflow_handle(handle.id)
    await run.until(latest, lambda found: len(found.waiting_for) == 2)
    new = next(each for each in (await run.inbox.list(m1)).items)
    # Asked anew: what was said when it failed is no decision on what goes on now.
    assert (new.id == old.id, new.votes, new.mine) == (False, [], True)
    with pytest.raises(ConflictError):
        await says(run, m2, old)
    again = next(each for each in (await run.inbox.list(ada)).items)
    await says(run, ada, again)
    await says(run, m1, new)
    await says(run, m2, new)
    assert (await run.ended(latest)).error is None


async def test_whoever_lets_an_instance_go_on_does_not_decide_it_either(
    run: Runner, shared_database: Database
) -> None:
    handle, shown = await asked(run, by="id-ada")
    await says(run, person(run, "m", "manager"), shown, approves=False)
    await run.ended(handle)
    await instances(run, shared_database).rerun(
        run.tenant, name(handle), "/do/0/release", changed=True, value={"lot": 8}, by="id-m"
    )
    latest = run.client.get_workflow_handle(handle.id)
    await run.until(latest, asking)
    shown = await the_one(run)
    assert shown.data == {"lot": 8}
    for who in (person(run, "m", "manager"), person(run, "ada")):
        with pytest.raises(ForbiddenError, match="asked for it"):
            await says(run, who, shown)
    await says(run, person(run, "n", "manager"), shown)
    assert (await run.ended(latest)).error is None


async def test_whoever_had_a_schedule_begin_it_does_not_decide_what_is_rerun_either(
    run: Runner, shared_database: Database
) -> None:
    memo = {
        "started_by": "schedule/nightly",
        "asked_for": [{"by": "id-bo", "since": 100.0, "until": 200.0}],
    }
    key = "nightly-1970-01-01T00:02:00Z"
    handle = await run.start(STOP % "", {"lot": 7}, memo=memo, key=key)
    await says(run, person(run, "m", "manager"), await the_one(run), approves=False)
    await run.ended(handle)
    await instances(run, shared_database).retry(run.tenant, name(handle))
    latest = run.client.get_workflow_handle(handle.id)
    await run.until(latest, asking)
    shown = await the_one(run)
    with pytest.raises(ForbiddenError, match="asked for it"):
        await says(run, person(run, "bo", "manager"), shown)
    await says(run, person(run, "m", "manager"), shown)
    assert (await run.ended(latest)).error is None


async def test_the_sweep_closes_what_nobody_waits_for_and_nothing_else(run: Runner) -> None:
    dead, gone = await asked(run)
    alive = await run.start(TWO % 1)
    await run.until(alive, asking)
    await dead.terminate()
    desk, ada = run.inbox.desk, person(run, "ada")
    while (await kept(run, gone)).status is ApprovalStatus.PENDING:
        await sweep(desk, run.client, checked_again_s=0)
    assert await mine(run, ada) == ["Release"]
    assert await still_waits(run.client, await kept(run, await the_one(run)))
    await alive.terminate()


async def test_an_old_approval_of_an_instance_that_goes_on_is_closed(
    run: Runner, shared_database: Database
) -> None:
    handle, old = await asked(run)
    await handle.terminate()
    await instances(run, shared_database).rerun(run.tenant, name(handle), "/do/0/release")
    latest = run.client.get_workflow_handle(handle.id)
    await run.until(latest, asking)
    assert not await still_waits(run.client, await kept(run, old))
    with pytest.raises(ConflictError, match="has ended"):
        await says(run, person(run, "ada"), old)
    assert (await kept(run, old)).status is ApprovalStatus.CANCELLED
    assert await mine(run, person(run, "ada")) == ["Release lot 7"]
    await latest.terminate()


async def test_many_decide_while_the_run_goes_on_as_new_ones(restless: Runner) -> None:
    tasks = """
do:
  - both:
      fork:
        branches:
          - busy:
              for: { in: '${ [range(25)] }' }
              do: [ { rest: { wait: { milliseconds: 1 } } } ]
          - ask:
              call: approval
              with: { title: Go on, quorum: 10, candidates: { roles: [ manager ] } }
"""
    handle = await restless.start(tasks)
    await restless.until(handle, asking)
    shown = await the_one(restless)
    people = [person(restless, f"m{number}", "manager") for number in range(10)]

    async def insists(who: Principal) -> None:
        while True:
            try:
                await says(restless, who, shown)
            except UnavailableError:
                continue
            return

    async with anyio.create_task_group() as group:
        for who in people:
            group.start_soon(insists, who)
    ended = await restless.ended(handle)
    assert sorted(vote["by"] for vote in ended.output[1]["votes"]) == sorted(
        who.email for who in people
    )
    assert await restless.replay(handle) > 1


async def test_each_turn_of_a_loop_is_an_approval_of_its_own(run: Runner) -> None:
    tasks = """
do:
  - each:
      for: { in: '${ [1, 2] }', each: turn }
      do:
        - ask:
            call: approval
            with: { title: Turn, data: same, candidates: { users: ada@plant.example } }
"""
    handle = await run.start(tasks)
    await run.until(handle, asking)
    ada, first = person(run, "ada"), await the_one(run)
    await says(run, ada, first)
    while (second := await the_one(run)).id == first.id:
        await pause()
    # The same data, the same person: still the first decision is none on the second turn.
    assert (second.data_hash, second.status) == (first.data_hash, ApprovalStatus.PENDING)
    assert await says(run, ada, first) == await run.inbox.get(ada, first.id)
    assert (await kept(run, second)).votes == []
    await says(run, ada, second)
    ended = await finished(run, handle)
    assert ended.names(TaskState.COMPLETED).count("ask") == 2
