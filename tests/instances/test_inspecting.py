"""Looking at instances: what they did, how they ended, whose they are, at what cost."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import temporalio.client
from typing_extensions import override

from foundation.errors import ConflictError, NotFoundError
from foundation.settings import TemporalSettings
from tests.instances.conftest import Floor
from tests.instances.eventually import eventually
from tests.instances.stand_in import worker
from workflows.instances import inspection
from workflows.instances.service import Instances
from workflows.instances.types import Instance, Status, TimelineSource
from workflows.interpreter.types import TaskState
from workflows.runs.pages import PageTokens

pytestmark = pytest.mark.anyio


async def ended(floor: Floor, instance_id: str) -> Instance:
    look = await floor.instances.look(floor.tenant, instance_id, wait_s=10)
    assert look.ended
    return look.instance


async def test_a_completed_instance_shows_input_output_and_every_task(working: Floor) -> None:
    started = await working.start({"set": 1}, {"call": "hello"}, key="k")
    seen = await ended(working, started.id)

    assert seen.status is Status.COMPLETED
    assert seen.input == {"script": [{"set": 1}, {"call": "hello"}]}
    assert (seen.output, seen.error, seen.started_by) == ("hello", None, "ana")
    assert (seen.version, seen.definition_hash) == ("1.0.0", working.shelf.kept[0].hash)
    assert seen.ended_at is not None
    assert seen.ended_at >= seen.started_at
    assert seen.timeline_source is TimelineSource.INTERPRETER
    assert [(t.reference, t.state, t.attempts) for t in seen.tasks] == [
        ("/do/0/set", TaskState.COMPLETED, None),
        ("/do/1/call", TaskState.COMPLETED, 1),
    ]
    assert all(task.started_at and task.ended_at for task in seen.tasks)
    assert "/namespaces/default/workflows/tenant-" in seen.web_ui


async def test_a_faulted_instance_shows_the_error_object_of_the_language(working: Floor) -> None:
    started = await working.start({"raise": "the sheet is empty"})
    seen = await ended(working, started.id)

    assert (seen.status, seen.output) == (Status.FAILED, None)
    assert seen.error == {
        "type": "https://open-workflow-specification.org/spec/1.0.0/errors/validation",
        "status": 400,
        "title": "It is wrong",
        "detail": "the sheet is empty",
        "instance": "/do/0/raise",
    }
    assert seen.tasks[0].error == seen.error


async def test_a_cancelled_instance_ends_as_cancelled(working: Floor) -> None:
    started = await working.start({"hold": 1})
    asked = await working.instances.cancel(working.tenant, started.id)
    seen = await ended(working, started.id)

    assert asked.id == started.id
    assert (seen.status, seen.error) == (Status.CANCELLED, None)
    assert seen.tasks[-1].state is TaskState.CANCELLED


async def test_a_terminated_instance_tells_the_reason(floor: Floor) -> None:
    started = await floor.start({"hold": 1})
    stopped = await floor.instances.terminate(floor.tenant, started.id, "wrong line")
    seen = await ended(floor, started.id)

    assert stopped.status is Status.TERMINATED
    assert seen.error is not None
    assert seen.error["detail"] == "wrong line"


async def test_what_has_ended_cannot_be_stopped(floor: Floor) -> None:
    started = await floor.start({"hold": 1})
    await floor.instances.terminate(floor.tenant, started.id, "enough")
    with pytest.raises(ConflictError, match=r"ended already \(TERMINATED\)"):
        await floor.instances.cancel(floor.tenant, started.id)
    with pytest.raises(ConflictError, match=r"ended already \(TERMINATED\)"):
        await floor.instances.terminate(floor.tenant, started.id, "enough")


async def test_a_foreign_an_unknown_and_a_malformed_id_look_the_same(floor: Floor) -> None:
    mine = (await floor.start({"hold": 1})).id
    for tenant, instance_id in (
        ("another", mine),
        (floor.tenant, "press-line.defect-watch.nope"),
        (floor.tenant, "../../etc"),
        (floor.tenant, f"{floor.tenant}/press-line/defect-watch/x"),
    ):
        for ask in (
            floor.instances.get(tenant, instance_id),
            floor.instances.cancel(tenant, instance_id),
            floor.instances.terminate(tenant, instance_id, "x"),
            floor.instances.events(tenant, instance_id),
            floor.instances.look(tenant, instance_id, wait_s=5),
        ):
            with pytest.raises(NotFoundError) as refused:
                await ask
            assert refused.value.message == (
                f"There is no workflow instance '{instance_id}'. "
                "GET /api/v1/workflows/instances lists yours."
            )


async def test_a_call_that_is_tried_again_shows_its_attempts(working: Floor) -> None:
    started = await working.start({"stuck": "the press"})
    seen = await eventually(
        lambda: working.instances.get(working.tenant, started.id),
        lambda instance: bool(instance.tasks) and (instance.tasks[0].attempts or 0) > 2,
    )
    assert (seen.status, seen.tasks[0].state) == (Status.RUNNING, TaskState.RUNNING)


async def test_a_call_that_waits_for_its_next_try_says_so_and_why(floor: Floor) -> None:
    async with worker(floor.temporal, floor.task_queue):
        started = await floor.start({"patient": "the press"})
        seen = await eventually(
            lambda: floor.instances.get(floor.tenant, started.id),
            lambda instance: bool(instance.waiting_for),
        )
        fresh = await another(floor).get(floor.tenant, started.id)
    (waiting,) = seen.waiting_for
    assert (waiting["kind"], waiting["task"]) == ("retry", "/do/0/patient")
    assert (waiting["execution"], waiting["attempt"]) == ("/do/0/patient", 2)
    assert waiting["attempts"] is None
    since, until = (datetime.fromisoformat(str(waiting[name])) for name in ("since", "until"))
    assert timedelta(minutes=59) < until - since < timedelta(minutes=61)
    error = waiting["error"]
    assert isinstance(error, dict)
    assert "the press is not there yet" in str(error["detail"])
    # A call that is tried again is under way still.
    assert seen.status is Status.RUNNING
    assert seen.tasks[0].attempts == 2
    assert fresh.waiting_for == seen.waiting_for
    # Temporal tells it, whether a worker is there or not.
    assert (await another(floor).get(floor.tenant, started.id)).waiting_for == seen.waiting_for


async def test_without_a_worker_the_history_tells_about_the_calls(floor: Floor) -> None:
    async with worker(floor.temporal, floor.task_queue):
        started = await floor.start({"set": 1}, {"call": "hello"}, {"hold": 1}, key="k")
        await eventually(
            lambda: floor.instances.get(floor.tenant, started.id), lambda it: len(it.tasks) == 3
        )
    # Of this process, which had the interpreter's account and knows that nothing happened since.
    known = await floor.instances.get(floor.tenant, started.id)
    seen = await another(floor).get(floor.tenant, started.id)

    assert (known.timeline_source, len(known.tasks)) == (TimelineSource.INTERPRETER, 3)
    assert seen.timeline_source is TimelineSource.HISTORY
    assert (seen.status, seen.version) == (Status.RUNNING, "1.0.0")
    assert seen.input == {"script": [{"set": 1}, {"call": "hello"}, {"hold": 1}]}
    assert seen.definition_hash == floor.shelf.kept[0].hash
    assert [(t.reference, t.name, t.kind, t.state, t.attempts) for t in seen.tasks] == [
        ("/do/1/call", "call", "call (echo)", TaskState.COMPLETED, 1)
    ]


def another(floor: Floor) -> Instances:
    """Make the front door of another API process."""
    return Instances(floor.temporal, floor.shelf, floor.settings, PageTokens(b""))


@dataclass
class Counting(temporalio.client.Interceptor):
    """Counts what a client asks of Temporal."""

    described: int = 0
    queried: int = 0

    @override
    def intercept_client(
        self, next: temporalio.client.OutboundInterceptor
    ) -> temporalio.client.OutboundInterceptor:
        return _Counter(next, self)


class _Counter(temporalio.client.OutboundInterceptor):
    def __init__(self, inner: temporalio.client.OutboundInterceptor, counts: Counting) -> None:
        super().__init__(inner)
        self.counts = counts

    @override
    async def describe_workflow(self, input: Any) -> Any:
        self.counts.described += 1
        return await super().describe_workflow(input)

    @override
    async def query_workflow(self, input: Any) -> Any:
        self.counts.queried += 1
        return await super().query_workflow(input)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def counted(working: Floor, counting: Counting) -> Instances:
    """Another API process, whose requests to Temporal are counted."""
    config = working.temporal.config()
    config["interceptors"] = [counting]
    settings = TemporalSettings(task_queue=working.task_queue)
    client = temporalio.client.Client(**config)
    return Instances(client, working.shelf, settings, PageTokens(b""))


async def test_fifty_looks_at_a_running_instance_cost_one(
    working: Floor, counted: Instances, counting: Counting
) -> None:
    started = await working.start({"hold": 1})
    looks = await asyncio.gather(*(counted.look(working.tenant, started.id) for _ in range(50)))

    assert len({look.etag for look in looks}) == 1
    assert (counting.described, counting.queried) == (1, 1)


async def test_a_running_instance_is_asked_again_only_when_its_history_has_grown(
    working: Floor,
    counted: Instances,
    counting: Counting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inspection, "FRESH_RUNNING_S", 0.0)
    started = await working.start({"hold": 1}, {"hold": 2})
    first = await eventually(
        lambda: counted.look(working.tenant, started.id), lambda look: bool(look.instance.tasks)
    )
    # The first description may be from before the first task, which the interpreter then told of.
    await counted.look(working.tenant, started.id)
    queried = counting.queried
    second = await counted.look(working.tenant, started.id)
    assert (second.etag, counting.queried) == (first.etag, queried)

    await working.go(started.id)
    last = await counted.look(working.tenant, started.id, wait_s=10)
    assert last.instance.status is Status.COMPLETED
    assert counting.queried > queried


async def test_an_ended_instance_is_read_once(
    working: Floor, counted: Instances, counting: Counting
) -> None:
    started = await working.start({"set": 1})
    first = await counted.look(working.tenant, started.id, wait_s=10)
    asked = (counting.described, counting.queried)
    second = await counted.look(working.tenant, started.id)

    assert first.ended
    assert second is first
    assert (counting.described, counting.queried) == asked


async def test_waiting_answers_as_soon_as_the_instance_has_ended(working: Floor) -> None:
    started = await working.start({"hold": 1})
    waiting = asyncio.create_task(working.instances.look(working.tenant, started.id, wait_s=60))
    early = await working.instances.look(working.tenant, started.id, wait_s=0.05)
    await working.go(started.id)
    async with asyncio.timeout(10):
        late = await waiting

    assert (early.instance.status, late.instance.status) == (Status.RUNNING, Status.COMPLETED)


async def test_what_was_stopped_before_it_began_cannot_go_on(floor: Floor) -> None:
    started = await floor.start({"hold": 1})
    await floor.instances.terminate(floor.tenant, started.id, "wrong line")
    async with worker(floor.temporal, floor.task_queue):
        with pytest.raises(ConflictError, match="before it did anything"):
            await floor.instances.rerun(floor.tenant, started.id, "/do/0/hold")
