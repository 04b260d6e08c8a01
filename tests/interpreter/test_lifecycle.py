"""What instances tell others of themselves: the events of the language, in order, each once."""

import re
from dataclasses import dataclass, replace
from typing import Any

import anyio.lowlevel
import pytest
from temporalio.client import WorkflowFailureError
from temporalio.worker import Worker

from activities.events import EventActivities, Listening, Take, Taken
from foundation.database import Database
from foundation.errors import UnavailableError
from foundation.json import JsonObject
from tests.interpreter.conftest import SECRETS, Runner
from tests.interpreter.told import ALL, WORKFLOW, Told
from workflows.events.service import Events
from workflows.interpreter.lifecycle import HandedOver
from workflows.interpreter.types import PAUSE_UPDATE, RESUME_UPDATE, Progress
from workflows.interpreter.workflow import Interpreter

pytestmark = pytest.mark.anyio

UTC = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
SET = "do: [ { a: { set: { n: 1 } } } ]"


def waiting(progress: Progress) -> bool:
    return bool(progress.waiting_for)


async def test_nobody_is_told_anything_unless_the_definition_says_so(
    run: Runner, shared_database: Database
) -> None:
    await run(SET)
    assert Told(shared_database, run.tenant).events == []


async def test_an_instance_tells_that_it_has_begun_and_ended(
    run: Runner, shared_database: Database
) -> None:
    handle = await run.start(WORKFLOW + SET)
    assert await handle.result() == {"n": 1}
    await run.replay(handle)
    told = Told(shared_database, run.tenant)
    assert (told.workflow, told.phases) == (["started", "completed"], ["running", "completed"])
    assert told.tasks == []
    key = handle.id.rpartition("/")[2]
    started = told.events[0]
    at = started["data"].pop("startedAt")
    assert re.fullmatch(UTC, at)
    assert re.fullmatch("[0-9a-f-]{36}", started.pop("id"))
    assert started == {
        "specversion": "1.0",
        "source": f"/{handle.id}",
        "type": "io.serverlessworkflow.workflow.started.v1",
        "subject": f"tests.told.{key}",
        "time": at,
        "datacontenttype": "application/json",
        "data": {
            "name": f"told-{key}.tests",
            "definition": {"name": "told", "namespace": "tests", "version": "1.2.0"},
        },
    }
    completed = told.data("completed")
    assert re.fullmatch(UTC, completed.pop("completedAt"))
    assert completed == {"name": f"told-{key}.tests", "output": {"n": 1}}


async def test_tasks_tell_what_they_do_in_their_order(
    run: Runner, shared_database: Database
) -> None:
    tasks = """
do:
  - never: { if: '${ false }', set: { n: 0 } }
  - loop:
      for: { in: '${ [1, 2] }' }
      do:
        - one: { set: '${ $item }' }
  - last: { set: { n: 3 }, then: end }
"""
    ended = await run(ALL + tasks)
    assert ended.output == {"n": 3}
    told = Told(shared_database, run.tenant)
    turn = ["created", "started", "completed"]
    assert told.tasks == [
        "created /do/1/loop",
        "started /do/1/loop",
        *(f"{what} /do/1/loop/do/0/one" for what in turn + turn),
        "completed /do/1/loop",
        *(f"{what} /do/2/last" for what in turn),
    ]
    outputs = [data["output"] for what, data in told.of("task") if what == "completed"]
    assert outputs == [1, 2, 2, {"n": 3}]
    assert {"workflow", "task", "startedAt"} == told.of("task")[1][1].keys()
    assert len({each["id"] for each in told.events}) == len(told.events)


async def test_a_fault_is_told_with_its_error_and_a_new_attempt_as_one(
    run: Runner, shared_database: Database
) -> None:
    tasks = """
do:
  - again:
      try:
        - fails: { raise: { error: { type: 'https://e.com/jam', status: 503, title: Jam } } }
      catch:
        retry: { delay: { milliseconds: 1 }, limit: { attempt: { count: 2 } } }
"""
    ended = await run(ALL + tasks)
    told = Told(shared_database, run.tenant)
    inner = "/do/0/again/try/0/fails"
    attempt = [f"{what} {inner}" for what in ("created", "started", "faulted")]
    assert told.tasks == [
        "created /do/0/again",
        "started /do/0/again",
        *attempt,
        "retried /do/0/again",
        *attempt,
        "faulted /do/0/again",
    ]
    assert (told.workflow, told.phases) == (["started", "faulted"], ["running", "faulted"])
    errors = [data["error"] for what, data in told.of("task") if what == "faulted"]
    assert [*errors, dict(told.of("workflow"))["faulted"]["error"]] == [ended.error] * 4
    assert ended.error["instance"] == inner


async def test_who_is_cancelled_tells_it(run: Runner, shared_database: Database) -> None:
    handle = await run.start(ALL + "do: [ { rest: { wait: { hours: 1 } } } ]")
    await run.until(handle, waiting)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    await run.replay(handle)
    told = Told(shared_database, run.tenant)
    assert told.workflow == ["started", "cancelled"]
    assert told.phases == ["running", "waiting", "running", "cancelled"]
    assert told.tasks[-1] == "cancelled /do/0/rest"


async def test_who_is_paused_tells_what_stands_still_until_it_goes_on(
    run: Runner, shared_database: Database
) -> None:
    tasks = """
do:
  - outer:
      do:
        - wait: { wait: { milliseconds: 300 } }
        - next: { set: { n: 1 } }
"""
    handle = await run.start(ALL + tasks)
    for _ in range(2):
        await handle.execute_update(PAUSE_UPDATE)
    await run.until(
        handle, lambda at: "wait" in [e.name for e in at.events if e.state == "completed"]
    )
    await handle.execute_update(RESUME_UPDATE)
    await handle.result()
    await run.replay(handle)
    told = Told(shared_database, run.tenant)
    assert told.workflow == ["started", "suspended", "resumed", "completed"]
    assert told.phases == ["running", "suspended", "running", "completed"]
    moved = [each for each in told.tasks if each.startswith(("susp", "res"))]
    assert moved == ["suspended /do/0/outer", "resumed /do/0/outer"]


async def test_who_listens_tells_what_its_events_had_in_common(
    run: Runner, shared_database: Database
) -> None:
    tasks = """
do:
  - paid:
      listen:
        to:
          all:
            - with: { type: paid }
              correlate: { order: { from: .data.order, expect: '${ .order }' } }
            - with: { type: packed }
              correlate: { lot: { from: .data.lot } }
"""
    handle = await run.start(WORKFLOW + tasks, {"order": 7})
    await run.until(handle, waiting)
    await run.send({"type": "paid", "data": {"order": 7}}, {"type": "packed", "data": {"lot": "x"}})
    await handle.result()
    told = Told(shared_database, run.tenant)
    middle = ["correlation-started", "correlation-completed"]
    assert told.workflow == ["started", *middle, "completed"]
    assert told.phases == ["running", "waiting", "running", "completed"]
    assert told.data("correlation-completed")["correlationKeys"] == {"order": 7, "lot": "x"}


async def test_an_instance_tells_each_moment_once_however_many_runs_it_takes(
    restless: Runner, shared_database: Database
) -> None:
    tasks = """
do:
  - loop:
      for: { in: '${ [range(12)] }' }
      do:
        - rest: { wait: { milliseconds: 1 } }
"""
    ended = await restless(ALL + tasks)
    assert ended.runs > 1
    told = Told(shared_database, restless.tenant)
    assert (told.workflow, told.phases) == (["started", "completed"], ["running", "completed"])
    turn = [f"{what} /do/0/loop/do/0/rest" for what in ("created", "started", "completed")]
    first = ["created /do/0/loop", "started /do/0/loop"]
    assert told.tasks == [*first, *turn * 12, "completed /do/0/loop"]


LISTEN = """
do:
  - watch:
      listen: { read: envelope, to: { one: { with: { type: %s } } } }
      metadata: { millwright: { keptEvents: false } }
"""


async def test_other_instances_hear_of_it(run: Runner) -> None:
    pattern = r"'io\.serverlessworkflow\.workflow\.(completed|faulted)\.v1'"
    for wanted in ("io.serverlessworkflow.workflow.completed.v1", pattern):
        handle = await run.start(LISTEN % wanted)
        await run.until(handle, waiting)
        other = await run.start(WORKFLOW + SET)
        (event,) = await handle.result()
        assert event["source"] == f"/{other.id}"
        await other.result()


async def test_who_means_all_events_does_not_hear_of_lifecycles(run: Runner) -> None:
    for wanted in ("'${ true }'", "'.*'"):
        handle = await run.start(LISTEN % wanted)
        await run.until(handle, waiting)
        await run(WORKFLOW + SET)
        await run.send({"type": "theirs"})
        (event,) = await handle.result()
        assert event["type"] == "theirs"


async def test_outputs_that_are_large_or_no_json_are_left_out(
    run: Runner, shared_database: Database
) -> None:
    await run(ALL + """do: [ { big: { set: { text: '${ "x" * 20000 }' } } } ]""")
    told = Told(shared_database, run.tenant)
    ends = [
        data for kind in ("task", "workflow") for what, data in told.of(kind) if what == "completed"
    ]
    assert [each.keys() & {"output"} for each in ends] == [set(), set()]


async def test_no_secret_is_told(run: Runner, shared_database: Database) -> None:
    tasks = """
use: { secrets: [ planted ] }
do:
  - ask:
      call: http
      with:
        method: post
        endpoint: 'http://127.0.0.1:1/'
        body: { key: '${ $secrets.planted }' }
      metadata: { millwright: { retry: { attempts: 1 } } }
"""
    ended = await run(ALL + tasks)
    assert ended.kind == "communication"
    told = Told(shared_database, run.tenant)
    assert "faulted" in told.workflow
    assert str(SECRETS["planted"]) not in repr(told.events)


async def test_what_is_told_goes_out_in_bounded_pieces(
    run: Runner, shared_database: Database
) -> None:
    handle = await run.start(
        ALL
        + "do: [ { l: { for: { in: '${ [range(200)] }' }, do: [ { a: { set: '${ 1 }' } } ] } } ]"
    )
    await handle.result()
    sizes: list[Any] = []
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            given = event.activity_task_scheduled_event_attributes
            sizes.append(len(given.input.payloads[0].data))
    assert max(sizes) < 300_000
    assert len(Told(shared_database, run.tenant).tasks) == 3 * 201
    await run.replay(handle)


@dataclass
class Desk:
    """A desk that can be away; then it takes nothing."""

    desk: Events
    away: bool = True

    async def emit(self, tenant_id: str, *events: JsonObject) -> None:
        await self.desk.emit(tenant_id, *events)

    async def tell(self, tenant_id: str, *events: JsonObject) -> None:
        if self.away:
            raise UnavailableError("The database is away.")
        await self.desk.tell(tenant_id, *events)

    async def take(self, request: Take) -> Taken:
        return await self.desk.take(request)

    async def close(self, request: Listening) -> None:
        await self.desk.close(request)


async def test_an_instance_ends_though_nobody_takes_what_it_tells_and_nothing_is_lost(
    run: Runner, shared_database: Database
) -> None:
    assert run.events_desk is not None
    desk, queue = Desk(run.events_desk), f"{run.task_queue}-away"
    activities = EventActivities(desk)
    async with Worker(
        run.client,
        task_queue=queue,
        workflows=[Interpreter, HandedOver],
        activities=[activities.publish_all],
    ):
        apart = replace(run, task_queue=queue)
        handle = await apart.start(ALL + SET)
        assert await handle.result() == {"n": 1}
        await run.replay(handle)
        assert Told(shared_database, run.tenant).events == []
        desk.away = False
        while "completed" not in Told(shared_database, run.tenant).workflow:
            await anyio.lowlevel.checkpoint()
    assert Told(shared_database, run.tenant).workflow == ["started", "completed"]


async def test_an_instance_whose_worker_is_gone_at_its_end_tells_it_all_the_same(
    run: Runner, shared_database: Database
) -> None:
    """Its last words are part of its history before it ends."""
    queue = f"{run.task_queue}-gone"
    apart = replace(run, task_queue=queue)
    # This one runs workflows only: nobody takes what is told.
    async with Worker(run.client, task_queue=queue, workflows=[Interpreter]):
        handle = await apart.start(WORKFLOW + SET)
        await run.until(handle, lambda at: "a" in [each.name for each in at.events])
    assert run.events_desk is not None
    activities = EventActivities(run.events_desk)
    async with Worker(
        run.client,
        task_queue=queue,
        workflows=[Interpreter],
        activities=[activities.publish_all],
    ):
        await handle.result()
    assert Told(shared_database, run.tenant).workflow == ["started", "completed"]
