"""The client against the processes that users start: API, worker, Temporal, PostgreSQL."""

import time

import pytest
from temporalio.client import Client as TemporalClient

from millwright_client import Ended, Instance, Millwright, TaskEvent
from tests.client.test_logged_in import HELLO
from tests.fixtures.system import System

WAITING = """\
document: { dsl: '1.0.3', namespace: press-line, name: waiting, version: '1.0.0' }
do:
  - note: { set: { line: '${ .line }' } }
  - nap: { wait: { hours: 1 } }
"""
FAULTY = """\
document: { dsl: '1.0.3', namespace: press-line, name: faulty, version: '1.0.0' }
do:
  - stop:
      raise:
        error: { type: 'https://plant.example/errors/no-data', status: 422, title: No data }
"""
PATIENCE_S = 20.0


def test_a_run_is_followed_to_its_result(client: Millwright) -> None:
    client.workflows.publish(HELLO)
    started = client.workflows.start("press-line", "hello", input={"name": "Ana"})
    events = list(client.events(started.id))
    instance = client.wait(started.id, timeout=PATIENCE_S)

    tasks = [e for e in events if isinstance(e, TaskEvent)]
    assert [(e.reference, e.kind, e.state) for e in tasks] == [
        ("/do/0/greet", "set", "running"),
        ("/do/0/greet", "set", "completed"),
    ]
    assert events[-1] == Ended("COMPLETED", instance.ended_at, {"greeting": "Hello, Ana!"}, None)
    assert (instance.input, instance.output) == ({"name": "Ana"}, {"greeting": "Hello, Ana!"})
    assert (instance.version, instance.timeline_source) == ("1.0.0", "interpreter")
    assert [(task.name, task.state) for task in instance.tasks] == [("greet", "completed")]
    assert instance.definition_hash == client.workflows.get("press-line", "hello").hash


def test_a_waiting_run_can_be_cancelled(client: Millwright) -> None:
    client.workflows.publish(WAITING)
    started = client.workflows.start("press-line", "waiting", input={"line": 7})
    events = client.events(started.id)
    seen = [next(events) for _ in range(3)]
    client.instances.cancel(started.id)
    client.wait(started.id, timeout=PATIENCE_S)
    instance = told_by_the_interpreter(client, started.id)

    assert [getattr(event, "reference", None) for event in seen] == [
        "/do/0/note",
        "/do/0/note",
        "/do/1/nap",
    ]
    assert (instance.status, instance.error) == ("CANCELLED", None)
    assert [task.state for task in instance.tasks] == ["completed", "cancelled"]


def test_what_an_instance_is_doing_is_told_and_can_be_listed(client: Millwright) -> None:
    client.workflows.publish(WAITING)
    started = client.workflows.start("press-line", "waiting", input={"line": 7})
    until(client, started.id, "WAITING")
    (waiting,) = client.instances.get(started.id).waiting_for
    assert (waiting["kind"], waiting["task"]) == ("timer", "/do/1/nap")

    client.instances.pause(started.id)
    assert client.instances.get(started.id).status == "PAUSED"
    assert started.id in listed(client, "PAUSED", started.id)
    client.instances.resume(started.id)
    assert client.instances.get(started.id).status == "WAITING"
    assert started.id in listed(client, "WAITING", started.id)
    assert started.id not in listed(client, "PAUSED")
    client.instances.terminate(started.id)


def until(client: Millwright, instance_id: str, status: str) -> None:
    """Look until it is so; a worker may be busy."""
    end = time.monotonic() + PATIENCE_S
    while (instance := client.instances.get(instance_id)).status != status:
        assert time.monotonic() < end, instance
        time.sleep(0.1)


def listed(client: Millwright, status: str, wanted: str | None = None) -> list[str]:
    """List instances; the listing lags behind by a fraction of a second."""
    end = time.monotonic() + PATIENCE_S
    while True:
        found = [each.id for each in client.instances.list(status=status).items]
        if wanted is None or wanted in found or time.monotonic() > end:
            return found
        time.sleep(0.1)


def told_by_the_interpreter(client: Millwright, instance_id: str) -> Instance:
    """Look until a worker answered; what is read from the history knows only the calls."""
    until = time.monotonic() + PATIENCE_S
    while (instance := client.instances.get(instance_id)).timeline_source != "interpreter":
        assert time.monotonic() < until, "no worker answers"
        time.sleep(0.5)
    return instance


def test_a_fault_is_shown_with_its_place(client: Millwright) -> None:
    client.workflows.publish(FAULTY)
    started = client.workflows.start("press-line", "faulty")
    instance = client.wait(started.id, timeout=PATIENCE_S)

    assert instance.status == "FAILED"
    assert instance.error == {
        "type": "https://plant.example/errors/no-data",
        "status": 422,
        "title": "No data",
        "instance": "/do/0/stop",
    }
    assert instance.tasks[0].error == instance.error


def test_a_schedule_without_a_version_takes_the_newest_at_each_run(client: Millwright) -> None:
    client.workflows.publish(HELLO)
    client.schedules.create(
        "press-line", "hello", id="often", cron=["@yearly"], input={"name": "Ana"}
    )
    client.workflows.publish(HELLO.replace("1.0.0", "1.1.0").replace("Hello,", "Good morning,"))
    client.schedules.trigger("often")
    run = first_run(client, "often")
    instance = client.wait(run, timeout=PATIENCE_S)
    client.schedules.delete("often")

    assert (instance.version, instance.started_by) == ("1.1.0", "schedule/often")
    assert instance.output == {"greeting": "Good morning, Ana!"}


def first_run(client: Millwright, schedule_id: str) -> str:
    give_up = time.monotonic() + PATIENCE_S
    while not (runs := client.schedules.get(schedule_id).recent_runs):
        assert time.monotonic() < give_up, "the schedule began nothing"
    return runs[0].instance_id


@pytest.mark.anyio
async def test_a_run_that_the_plain_temporal_sdk_started_is_seen_too(
    system: System, client: Millwright
) -> None:
    client.workflows.publish(HELLO)
    tenant = client.me().tenant_id
    temporal = await TemporalClient.connect(system.settings.temporal.address)
    output = await temporal.execute_workflow(
        "press-line.hello",
        {"tenant_id": tenant, "input": {"name": "Ana"}},
        id=f"{tenant}/press-line/hello/by-hand",
        task_queue=system.settings.temporal.task_queue,
    )
    instance = client.instances.get("press-line.hello.by-hand")

    assert output == {"greeting": "Hello, Ana!"}
    assert (instance.status, instance.output, instance.version) == ("COMPLETED", output, "1.0.0")
