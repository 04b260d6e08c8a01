"""Letting an instance go on after its end: what was undone, what had run out, what others hold."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import TimeSkipper

from foundation.database import Database
from foundation.errors import ConflictError
from foundation.settings import TemporalSettings
from foundation.temporal import connect
from tests.fixtures.plant import Plant
from tests.fixtures.polling import pause
from tests.interpreter.conftest import Ended, Runner, working
from workflows.catalog import Catalog
from workflows.instances.service import Instances
from workflows.interpreter import ending
from workflows.interpreter.types import TaskState
from workflows.runs.names import of_workflow_id
from workflows.runs.pages import PageTokens

pytestmark = pytest.mark.anyio
PLANT = "http://plant.example"
BAD = "raise: { error: { type: 'https://e.com/bad', status: 400 } }"
# While a busy machine works for a run its clock goes on; all that is waited for is far longer.
SLACK = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo without the pauses that servers need to come back."""
    monkeypatch.setattr(ending, "FIRST_PAUSE", timedelta(milliseconds=20))
    monkeypatch.setattr(ending, "ATTEMPTS", 2)


@pytest.fixture
def answers(plant: Plant) -> Iterator[Plant]:
    """The plant, which answers as it is told."""
    plant.clear()
    yield plant
    plant.clear()


def statuses(*each: int) -> list[dict[str, Any]]:
    return [{"status": status, "body": {"status": status}} for status in each]


def call(path: str, undone_at: str | None = None) -> str:
    """Write a task that asks the plant, and asks it elsewhere to undo that."""
    asks = f"call: http, with: {{ method: post, endpoint: '{PLANT}{path}' }}"
    if undone_at is None:
        return f"{{ {asks} }}"
    undo = f"[ {{ undo: {call(undone_at)} }} ]"
    return f"{{ {asks}, metadata: {{ millwright: {{ compensate: {undo} }} }} }}"


class Going:
    """An instance that ends, and goes on."""

    def __init__(self, run: Runner, database: Database) -> None:
        self.run = run
        settings = TemporalSettings(task_queue=run.task_queue)
        self.instances = Instances(run.client, Catalog(database), settings, PageTokens(bytes(32)))
        self.handle: WorkflowHandle[Any, Any]
        self.id = ""

    async def start(self, tasks: str, value: Any = None) -> None:
        self.handle = await self.run.start(tasks, value)
        named = of_workflow_id(self.handle.id)
        assert named is not None
        self.id = named[1].instance_id

    async def ended(self, tasks: str, value: Any = None) -> Ended:
        await self.start(tasks, value)
        return await self.run.ended(self.handle)

    async def retried(self) -> Ended:
        await self.instances.retry(self.run.tenant, self.id)
        return await self.at_the_end()

    async def rerun(self, execution: str) -> Ended:
        await self.instances.rerun(self.run.tenant, self.id, execution)
        return await self.at_the_end()

    async def at_the_end(self) -> Ended:
        self.handle = self.run.client.get_workflow_handle(self.handle.id)
        ended = await self.run.ended(self.handle)
        told = await self.handle.describe()
        # The new run, too, takes the same way again.
        again = self.run.client.get_workflow_handle(
            told.id, run_id=told.run_id, first_execution_run_id=told.run_id
        )
        await self.run.replay(again)
        return ended

    async def repeats(self, execution: str | None = None) -> list[str]:
        """Return what would be done again."""
        if execution is None:
            seen = await self.instances.retry(self.run.tenant, self.id, preview=True)
        else:
            seen = await self.instances.rerun(self.run.tenant, self.id, execution, preview=True)
        return [each.execution for each in seen.repeats]

    async def refusal(self, execution: str | None = None) -> str:
        """Return why it does not go on."""
        with pytest.raises(ConflictError) as refused:
            await (self.retried() if execution is None else self.rerun(execution))
        return refused.value.message


@pytest.fixture
def going(run: Runner, shared_database: Database) -> Going:
    return Going(run, shared_database)


PARTLY = f"""
do:
  - a: {call("/a", "/undo-a")}
  - b: {call("/b", "/undo-b")}
  - z: {call("/z")}
"""


async def test_what_counts_on_something_undone_is_not_tried_again(
    going: Going, answers: Plant
) -> None:
    answers.answers = {"/z": statuses(400, 200), "/undo-b": statuses(500)}
    ended = await going.ended(PARTLY)
    assert ended.compensation["undone"] == ["/do/0/a"]

    why = await going.refusal()
    assert "'/do/0/a' was undone" in why
    assert "':rerun' with '/do/0/a'" in why
    assert "'/do/1/b', which failed, so nobody knows" in why
    for execution in ("/do/1/b", "/do/2/z"):
        assert "had done '/do/0/a', which was undone" in await going.refusal(execution)
    assert len(answers.asked_at("/z")) == 1


async def test_what_was_undone_is_done_again_by_a_rerun_and_undone_once_each_time(
    going: Going, answers: Plant
) -> None:
    answers.answers = {"/z": statuses(400, 400, 200), "/undo-b": statuses(500)}
    await going.ended(PARTLY)

    assert await going.repeats("/do/0/a") == ["/do/0/a", "/do/1/b", "/do/2/z"]
    ended = await going.rerun("/do/0/a")
    assert ended.compensation["undone"] == ["/do/0/a"]
    assert (len(answers.asked_at("/a")), len(answers.asked_at("/undo-a"))) == (2, 2)
    assert (await going.rerun("/do/0/a")).error is None
    assert (len(answers.asked_at("/a")), len(answers.asked_at("/undo-a"))) == (3, 2)


async def test_people_say_whether_what_could_not_be_undone_is_still_done(
    going: Going, answers: Plant
) -> None:
    answers.answers = {"/z": statuses(400, 200), "/undo": statuses(500)}
    await going.ended(f"do: [ {{ b: {call('/b', '/undo')} }}, {{ z: {call('/z')} }} ]")

    why = await going.refusal()
    assert "'/do/0/b' was to be undone, which failed" in why
    assert "with '/do/1/z' if it is, with '/do/0/b' if it is to be done again" in why
    assert await going.repeats("/do/1/z") == ["/do/1/z"]
    assert (await going.rerun("/do/1/z")).error is None
    assert len(answers.asked_at("/b")) == 1


async def test_undoing_that_failed_is_done_again_and_nothing_is_undone_twice(
    going: Going, answers: Plant
) -> None:
    answers.answers = {"/z": statuses(400), "/undo-b": statuses(500, 500, 200)}
    ended = await going.ended(PARTLY)
    failed = [each for each in ended.progress.events if each.state is TaskState.FAULTED]
    undo_b = "/do/1/b!2/metadata/millwright/compensate/0/undo"
    assert failed[-1].execution == undo_b

    undo_a = "/do/0/a/metadata/millwright/compensate/0/undo"
    assert "is not undone again" in await going.refusal(undo_a)
    assert await going.repeats(undo_b) == [undo_b]
    ended = await going.rerun(undo_b)
    assert ended.compensation == {"undone": ["/do/0/a", "/do/1/b"], "failed": []}
    assert len(answers.asked_at("/undo-a")) == 1


async def test_a_cancelled_instance_that_was_partly_undone_begins_where_nothing_was(
    going: Going, answers: Plant
) -> None:
    answers.answers = {"/undo-b": statuses(500)}
    await going.start(PARTLY.replace(f"z: {call('/z')}", "z: { wait: PT1H }"))
    await going.run.until(going.handle, lambda told: bool(told.waiting_for))
    await going.handle.cancel()
    while (await going.handle.describe()).close_time is None:
        await pause()

    with pytest.raises(ConflictError):
        await going.retried()
    assert "had done '/do/0/a', which was undone" in await going.refusal("/do/2/z")
    assert await going.repeats("/do/0/a") == ["/do/0/a", "/do/1/b"]


async def test_what_was_over_before_is_no_repetition_and_what_is_in_the_task_is_one(
    going: Going, answers: Plant
) -> None:
    answers.answers = {"/caught": statuses(400)}
    await going.ended(f"""
do:
  - tries: {{ try: [ {{ caught: {call("/caught")} }} ], catch: {{}} }}
  - slow:
      timeout: {{ after: PT1S }}
      do: [ {{ inside: {call("/inside")} }}, {{ nap: {{ wait: PT1H }} }} ]
""")

    assert await going.repeats() == ["/do/1/slow/do/0/inside"]


async def test_no_time_passes_between_the_end_and_another_try(going: Going, answers: Plant) -> None:
    answers.answers = {"/z": statuses(400, 200)}
    ended = await going.ended(f"""
timeout: {{ after: PT6S }}
do: [ {{ d: {{ timeout: {{ after: PT5S }}, do: [ {{ z: {call("/z")} }} ] }} }} ]
""")
    assert ended.error["status"] == 400
    over = ended.progress.events[0].time + timedelta(seconds=6)
    while datetime.now(UTC) < over:
        await pause()

    assert (await going.retried()).error is None


@pytest.fixture
async def skipping(
    skipping_address: str,
    task_queue: str,
    tenant: str,
    stub_hosts: dict[str, str],
    shared_database: Database,
) -> AsyncIterator[Going]:
    """Runs whose clock skips the time in which nobody works for them."""
    client = TimeSkipper(await connect(TemporalSettings(address=skipping_address))).client
    async with working(client, task_queue, tenant, stub_hosts, shared_database) as run:
        yield Going(run, shared_database)


ONCE = "{ retry: { limit: { attempt: { count: 1, duration: PT4H } } } }"
NAPS = "do: [ { first: { wait: PT3H } }, { second: { wait: PT2H } } ]"


@pytest.mark.parametrize(
    ("tasks", "second", "where"),
    [
        (f"timeout: {{ after: PT4H }}\n{NAPS}", "/do/1/second", "/"),
        (
            f"do: [ {{ d: {{ timeout: {{ after: PT4H }}, {NAPS} }} }} ]",
            "/do/0/d/do/1/second",
            "/do/0/d",
        ),
        (
            f"do: [ {{ t: {{ {NAPS.replace('do', 'try', 1)}, catch: {ONCE} }} }} ]",
            "/do/0/t/try/1/second",
            "/do/0/t",
        ),
    ],
)
async def test_what_ran_out_of_time_has_all_of_it_again(
    skipping: Going, tasks: str, second: str, where: str
) -> None:
    ended = await skipping.ended(tasks)
    assert (ended.kind, ended.error["instance"]) == ("timeout", where)

    # What is left of the four hours when the second nap begins is one.
    assert (await skipping.rerun(second)).error is None


async def test_what_was_left_of_the_time_is_left_after_the_end(
    skipping: Going, answers: Plant
) -> None:
    answers.answers = {"/z": statuses(400, 200)}
    await skipping.ended(f"""
timeout: {{ after: PT6H }}
do: [ {{ first: {{ wait: PT5H }} }}, {{ z: {call("/z")} }}, {{ last: {{ wait: PT2H }} }} ]
""")
    ended = await skipping.retried()

    assert (ended.kind, ended.error["instance"]) == ("timeout", "/")
    z, *_, last = ended.progress.events
    assert last.name == "last"
    assert last.time - z.time == pytest.approx(timedelta(hours=1), abs=SLACK)


async def took(going: Going, execution: str) -> None:
    """Wait until a listening task has been given something."""
    while True:
        async for event in going.handle.fetch_history_events():
            scheduled = event.activity_task_scheduled_event_attributes
            if scheduled.activity_id == f"{execution} take 2":
                await pause()
                return
        await pause()


async def test_an_event_that_another_branch_has_used_is_used_still(
    going: Going, answers: Plant
) -> None:
    answers.answers = {"/z": statuses(400, 200)}
    await going.start(f"""
do:
  - both:
      fork:
        branches:
          - pair:
              listen: {{ to: {{ all: [ {{ with: {{ type: a }} }}, {{ with: {{ type: b }} }} ] }} }}
          - asks:
              do:
                - go: {{ listen: {{ to: {{ one: {{ with: {{ type: go }} }} }} }} }}
                - z: {call("/z")}
""")
    await going.run.until(going.handle, lambda told: len(told.waiting_for) == 2)
    await going.run.send({"type": "a", "data": 1})
    await took(going, "/do/0/both/fork/branches/0/pair")
    await going.run.send({"type": "go"})
    assert (await going.run.ended(going.handle)).error["status"] == 400

    await going.instances.retry(going.run.tenant, going.id)
    await going.run.send({"type": "b", "data": 2})
    ended = await going.at_the_end()
    assert ended.output[0] == [1, 2]


async def test_a_wait_and_the_attempts_of_other_branches_go_on_where_they_were(
    skipping: Going, answers: Plant
) -> None:
    answers.answers = {"/z": statuses(400, 200)}
    retry = "{ retry: { delay: PT4H, limit: { attempt: { count: 3 } } } }"
    await skipping.ended(f"""
do:
  - both:
      fork:
        branches:
          - nap: {{ wait: PT5H }}
          - t: {{ try: [ {{ f: {{ if: '$context == null', {BAD} }} }} ], catch: {retry} }}
          - asks:
              do:
                - first: {{ wait: PT3H }}
                - z: {call("/z")}
                - well: {{ set: {{ x: 1 }}, export: {{ as: . }} }}
""")
    ended = await skipping.retried()

    assert ended.error is None
    at = {each.execution: each.time for each in ended.progress.events}
    branches = "/do/0/both/fork/branches"
    began = ended.progress.events[0].time
    assert at[f"{branches}/0/nap"] - began == pytest.approx(timedelta(hours=2), abs=SLACK)
    assert at[f"{branches}/1/t"] - began == pytest.approx(timedelta(hours=1), abs=SLACK)
