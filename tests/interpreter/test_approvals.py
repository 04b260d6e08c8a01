"""People decide: who may, of what, how many, by when; and nothing goes on before they have."""

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from temporalio.client import WorkflowFailureError

from foundation.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MillwrightError,
    NotFoundError,
)
from security.principal import Principal
from tests.fixtures.polling import pause
from tests.interpreter.asking import STOP, asked, asking, finished, person, says, the_one
from tests.interpreter.conftest import Runner
from workflows.interpreter.types import RunStatus, TaskState

pytestmark = pytest.mark.anyio


async def test_nothing_goes_on_before_somebody_has_approved(run: Runner) -> None:
    handle, shown = await asked(run)
    progress = await run.progress(handle)
    assert progress.status is RunStatus.WAITING
    assert progress.waiting_for[0]["approval"] == shown.id
    assert "released" not in [event.name for event in progress.events]
    assert (shown.title, shown.data, shown.status) == ("Release lot 7", {"lot": 7}, "PENDING")
    after = await says(run, person(run, "ada"), shown, comment="looks good")
    assert (after.status, after.votes[0].by) == ("APPROVED", "ada@plant.example")
    assert after.votes[0].verified
    ended = await finished(run, handle)
    how = ended.output["how"]
    assert (how["approved"], how["dataHash"]) == (True, shown.data_hash)
    assert [vote["comment"] for vote in how["votes"]] == ["looks good"]


async def test_a_no_is_a_fault_unless_the_definition_goes_on(run: Runner) -> None:
    handle, shown = await asked(run)
    await says(run, person(run, "m", "manager"), shown, approves=False, comment="too hot")
    ended = await finished(run, handle)
    assert (ended.kind, ended.error["status"]) == ("authorization", 403)
    assert "too hot" in ended.error["detail"]
    assert "released" not in ended.names(TaskState.COMPLETED)


async def test_a_no_can_be_an_output(run: Runner) -> None:
    handle, shown = await asked(run, "        onReject: continue")
    await says(run, person(run, "ada"), shown, approves=False)
    assert (await finished(run, handle)).output["how"]["approved"] is False


async def test_only_those_who_may_decide_do(run: Runner) -> None:
    handle, shown = await asked(run, by="id-ada")
    for who, refused in (
        (person(run, "eve"), NotFoundError),
        (person(run, "eve", sees=True), ForbiddenError),
        (person(run, "eve", "operator", sees=True), ForbiddenError),
        # She asked for it: four eyes.
        (person(run, "ada"), ForbiddenError),
    ):
        with pytest.raises(refused):
            await says(run, who, shown)
    stranger = Principal("other", "id", "m@x.example", frozenset({"manager"}), frozenset())
    with pytest.raises(NotFoundError):
        await says(run, stranger, shown)
    with pytest.raises(ConflictError, match="not what you saw"):
        await says(run, person(run, "m", "manager"), shown, data_hash="0" * 64)
    assert (await the_one(run)).votes == []
    await says(run, person(run, "m", "manager"), shown)
    assert (await finished(run, handle)).error is None


@pytest.mark.parametrize("nested", [False, True])
async def test_whoever_made_or_pressed_what_started_it_is_a_requester_too(
    run: Runner, nested: bool
) -> None:
    memo = {
        "started_by": "schedule/nightly",
        "gone_on_by": ["id-ada"],
        "asked_for": [
            {"by": "id-bo", "since": 100.0, "until": 200.0},
            {"by": "id-cy", "since": 400.0, "until": 500.0},
        ],
    }
    run.publish("asks", STOP.lstrip() % "        quorum: 1")
    tasks = STOP % ""
    if nested:
        tasks = (
            "do: [ { r: { run: { workflow: { namespace: tests, name: asks, version: 1.0.0 } } } } ]"
        )
    handle = await run.start(tasks, {"lot": 7}, memo=memo, key="nightly-1970-01-01T00:02:00Z")
    shown = await the_one(run)
    for name in ("ada", "bo"):
        with pytest.raises(ForbiddenError, match="you asked for it"):
            await says(run, person(run, name, "manager"), shown)
    # What she had begun was another run.
    await says(run, person(run, "cy", "manager"), shown)
    assert (await run.ended(handle)).error is None


async def test_the_requester_may_decide_where_the_definition_says_so(run: Runner) -> None:
    handle, shown = await asked(run, "        allowRequester: true", by="id-ada")
    await says(run, person(run, "ada"), shown)
    assert (await finished(run, handle)).error is None


async def test_as_many_have_to_approve_as_the_quorum_says_each_once(run: Runner) -> None:
    handle, shown = await asked(run, "        quorum: 2")
    ada = person(run, "ada")
    first = await says(run, ada, shown)
    assert (first.status, first.mine) == ("PENDING", False)
    # The same again is no second vote, another one is refused.
    assert len((await says(run, ada, shown)).votes) == 1
    with pytest.raises(ConflictError, match="already"):
        await says(run, ada, shown, approves=False)
    await says(run, person(run, "m", "manager"), shown)
    ended = await finished(run, handle)
    assert len(ended.output["how"]["votes"]) == 2
    with pytest.raises(MillwrightError):
        await says(run, person(run, "n", "manager"), shown)


async def test_two_who_decide_at_once_are_two(run: Runner) -> None:
    handle, shown = await asked(run, "        quorum: 8")
    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(says, run, person(run, f"m{number}", "manager"), shown)
    ended = await finished(run, handle)
    assert len(ended.output["how"]["votes"]) == 8
    shown = await the_one(run)
    assert (shown.status, len(shown.votes)) == ("APPROVED", 8)
    assert all(vote.verified for vote in shown.votes)


FORM = """
        form:
          type: object
          required: [ temperature ]
          properties: { temperature: { type: number, maximum: 90 } }
"""


async def test_a_form_has_to_be_filled_in_rightly(run: Runner) -> None:
    handle, shown = await asked(run, FORM)
    ada = person(run, "ada")
    for form in (None, {}, {"temperature": 91}):
        with pytest.raises(InvalidInputError, match="form"):
            await says(run, ada, shown, form=form)
    await says(run, ada, shown, form={"temperature": 80})
    assert (await finished(run, handle)).output["how"]["form"] == {"temperature": 80}


async def test_an_approval_can_be_handed_on(run: Runner) -> None:
    handle, shown = await asked(run)
    ada, bob = person(run, "ada"), person(run, "bob")
    after = await run.decisions.delegate(ada, shown.id, "Bob@plant.example")
    assert ("bob@plant.example" in after.users, after.mine) == (True, False)
    with pytest.raises(ForbiddenError):
        await says(run, ada, shown)
    await says(run, bob, shown)
    assert (await finished(run, handle)).error is None


@pytest.mark.parametrize(
    ("then", "output", "status"),
    [
        ("reject", None, "REJECTED"),
        ("approve", True, "APPROVED"),
        ("default", "as ever", "DEFAULTED"),
    ],
)
async def test_what_counts_when_nobody_decides_in_time(
    run: Runner, then: str, output: Any, status: str
) -> None:
    timeout = f"{{ after: {{ milliseconds: 200 }}, then: {then}, value: as ever }}"
    handle = await run.start(STOP % f"        timeout: {timeout}", {"lot": 7})
    ended = await finished(run, handle)
    if output is None:
        assert "Nobody decided" in ended.error["detail"]
    elif output is True:
        assert ended.output["how"]["approved"] is True
    else:
        assert ended.output["how"] == output
    assert (await the_one(run)).status == status


async def test_the_ladder_lets_more_people_decide(run: Runner) -> None:
    ladder = """
        reminders: [ { milliseconds: 50 }, { milliseconds: 100 } ]
        escalation:
          - after: { milliseconds: 150 }
            candidates: { roles: [ admin ] }
        notify: tell
"""
    tasks = STOP % ladder
    tasks = (
        "use: { functions: { tell: { set: { told: '${ .reason }' },"
        " export: { as: '${ $context + { told: ($context.told + [.told]) } }' } } } }\n" + tasks
    )
    tasks += "output: { as: '${ $context.told }' }\n"
    handle = await run.start(tasks, {"lot": 7})
    while "admin" not in (shown := await the_one(run)).roles:
        await pause()
    await says(run, person(run, "d", "admin"), shown)
    ended = await finished(run, handle)
    assert ended.output == ["opened", "reminder", "reminder", "escalated"]


async def test_a_timeout_can_climb_the_ladder_and_ends_at_its_top(run: Runner) -> None:
    more = """
        escalation: [ { after: PT1H, candidates: { roles: [ admin ] } } ]
        timeout: { after: { milliseconds: 100 }, then: escalate }
"""
    handle = await run.start(STOP % more, {"lot": 7})
    ended = await finished(run, handle)
    assert "Nobody decided" in ended.error["detail"]
    shown = await the_one(run)
    assert (shown.status, shown.roles) == ("REJECTED", ["admin", "manager"])


async def test_an_approval_that_nobody_needs_any_more_is_taken_back(run: Runner) -> None:
    handle, shown = await asked(run)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await the_one(run)).status == "CANCELLED"
    with pytest.raises(ConflictError):
        await says(run, person(run, "ada"), shown)


async def test_an_approval_of_a_terminated_instance_leaves_the_inbox(run: Runner) -> None:
    handle, shown = await asked(run)
    await handle.terminate()
    with pytest.raises(ConflictError, match="has ended"):
        await says(run, person(run, "ada"), shown)
    assert (await the_one(run)).status == "CANCELLED"


async def test_an_approval_pauses_exactly_its_branch_turn_and_try(run: Runner) -> None:
    tasks = """
do:
  - both:
      fork:
        branches:
          - alone: { set: { done: true } }
          - asks:
              for: { in: '${ [1, 2] }', each: turn }
              do:
                - careful:
                    try:
                      - ask:
                          call: approval
                          with:
                            title: 'Turn ${ $turn }'
                            candidates: { users: ada@plant.example }
                    catch:
                      do: [ { no: { set: { no: '${ $turn }' } } } ]
                - next: { set: { turn: '${ $turn }', was: '${ . }' } }
"""
    handle = await run.start(tasks, {})
    await run.until(handle, asking)
    progress = await run.progress(handle)
    assert [event.name for event in progress.events if event.state is TaskState.COMPLETED] == [
        "alone"
    ]
    first = await the_one(run)
    await says(run, person(run, "ada"), first, approves=False)
    while not (items := (await run.inbox.list(person(run, "ada"))).items):
        await pause()
    assert [each.title for each in items] == ["Turn 2"]
    await says(run, person(run, "ada"), items[0])
    ended = await finished(run, handle)
    assert ended.output[1]["turn"] == 2
    assert ended.names(TaskState.COMPLETED).count("no") == 1


async def test_an_approval_goes_on_when_the_run_goes_on_as_a_new_one(restless: Runner) -> None:
    tasks = """
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
    handle = await restless.start(tasks, {"n": 1})
    await restless.until(handle, asking)
    shown = await the_one(restless)
    await says(restless, person(restless, "m1", "manager"), shown)
    await restless.until(handle, lambda found: found.run_before is not None)
    await says(restless, person(restless, "m2", "manager"), shown)
    ended = await restless.ended(handle)
    assert ended.output[1]["approved"] is True
    assert await restless.replay(handle) > 1
