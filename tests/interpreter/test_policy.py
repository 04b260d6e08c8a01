"""What tasks want of the engine: how their calls are made."""

from collections.abc import Mapping
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from tests.interpreter.conftest import Runner
from tests.interpreter.test_retry import Busy, busy

pytestmark = pytest.mark.anyio
__all__ = ["busy"]

ECHO = "https://httpbin.org/anything"


def ask(policy: str, url: str = ECHO, more: str = "") -> str:
    return (
        f"do: [ {{ ask: {{ call: http, with: {{ method: get, endpoint: '{url}'{more} }}, "
        f"metadata: {{ owner: line 7, millwright: {policy} }} }} }} ]"
    )


async def scheduled(handle: WorkflowHandle[Any, Any]) -> Any:
    """Return how Temporal was told to carry the call out."""
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            return event.activity_task_scheduled_event_attributes
    raise AssertionError("nothing was scheduled")


async def older(run: Runner, policy: Any) -> WorkflowHandle[Any, Any]:
    """Start a call as a definition that could be published once."""
    head: Any = {"dsl": "1.0.3", "namespace": "tests", "name": "older", "version": "1.0.0"}
    given: Any = {"call": "http", "with": {"method": "get", "endpoint": ECHO}}
    tasks: Any = [{"ask": {**given, "metadata": {"millwright": policy}}}]
    return await run.start_older({"document": head, "do": tasks})


async def timers(handle: WorkflowHandle[Any, Any]) -> list[Any]:
    """Return the timers that were set."""
    events = [event async for event in handle.fetch_history_events()]
    return [event for event in events if event.HasField("timer_started_event_attributes")]


async def timed_out(handle: WorkflowHandle[Any, Any]) -> bool:
    """Tell whether Temporal ended the first local call, and not the call itself."""
    async for event in handle.fetch_history_events():
        if event.HasField("marker_recorded_event_attributes"):
            failure = event.marker_recorded_event_attributes.failure
            while failure.HasField("cause"):
                failure = failure.cause
            return failure.HasField("timeout_failure_info")
    raise AssertionError("no local call was recorded")


async def test_tenants_take_turns_unless_told_otherwise(run: Runner) -> None:
    handle = await run.start(ask("{ priority: 2 }"))
    await run.ended(handle)
    attributes = await scheduled(handle)
    assert (attributes.priority.priority_key, attributes.priority.fairness_key) == (2, run.tenant)

    handle = await run.start(ask("{ fairnessKey: urgent }"))
    await run.ended(handle)
    assert (await scheduled(handle)).priority.fairness_key == f"{run.tenant}/urgent"


async def test_timeout_heartbeat_and_retry_reach_temporal(run: Runner) -> None:
    policy = (
        "{ timeout: PT7S, heartbeat: PT5S, "
        "retry: { attempts: 2, delay: PT0.5S, backoff: 3, maxDelay: PT9S } }"
    )
    handle = await run.start(ask(policy))
    await run.ended(handle)
    attributes = await scheduled(handle)

    assert attributes.start_to_close_timeout.ToSeconds() == 7 + 15
    assert attributes.heartbeat_timeout.ToSeconds() == 5
    retry = attributes.retry_policy
    assert retry.maximum_attempts == 2
    assert retry.initial_interval.ToMilliseconds() == 500
    assert retry.backoff_coefficient == 3
    assert retry.maximum_interval.ToSeconds() == 9


@pytest.mark.parametrize(
    "retry", [{"maxDelay": "PT0.5S"}, {"delay": "PT0S", "maxDelay": {"milliseconds": 500}}]
)
async def test_a_longest_pause_that_temporal_would_refuse_does_not_hang_the_run(
    run: Runner, retry: Any
) -> None:
    """Older versions published it; Temporal refused every workflow task."""
    handle = await older(run, {"retry": retry})
    assert (await run.ended(handle)).error is None
    assert (await scheduled(handle)).retry_policy.maximum_interval.ToSeconds() == 1


async def test_a_queue_of_temporals_own_is_a_fault(run: Runner) -> None:
    ended = await run.ended(await older(run, {"taskQueue": "/_sys/x"}))
    assert ended.kind == "configuration"
    assert "'/_sys/x'" in ended.error["detail"]


async def test_a_call_is_tried_as_often_as_the_task_says(run: Runner, busy: Busy) -> None:
    busy.answers = [503] * 9
    ended = await run(ask("{ retry: { attempts: 2, delay: PT0.05S } }", busy.url))

    assert ended.error["status"] == 503
    assert busy.asked == 2


async def test_the_key_of_a_call_can_be_chosen(run: Runner) -> None:
    ended = await run(ask("{ idempotencyKey: 'order-${ .order }' }"), {"order": 4711})

    headers: Mapping[str, str] = ended.output["headers"]
    assert headers["idempotency-key"] == "order-4711"


async def test_a_local_call_leaves_no_activity_in_the_history(run: Runner) -> None:
    handle = await run.start(ask("{ local: true }"))
    ended = await run.ended(handle)

    assert ended.output["url"] == "/anything"
    kinds = [event.event_type async for event in handle.fetch_history_events()]
    assert 10 not in kinds  # ACTIVITY_TASK_SCHEDULED
    assert await run.replay(handle) == 1


async def test_a_local_call_is_tried_again_too(run: Runner, busy: Busy) -> None:
    busy.answers = [503]
    ended = await run(ask("{ local: true, retry: { attempts: 3, delay: PT0.05S } }", busy.url))

    assert ended.error is None
    assert busy.asked == 2


async def test_the_time_of_a_task_is_over_also_during_a_local_call(run: Runner, busy: Busy) -> None:
    busy.holds_s = 5.0
    tasks = ask("{ local: true }", busy.url).replace("ask: {", "ask: { timeout: { after: PT1S },")
    handle = await run.start(tasks)
    ended = await run.ended(handle)

    assert ended.kind == "timeout"
    assert ended.error["detail"] == "Task 'ask' took longer than 1 s."
    assert await run.replay(handle) == 1
    # What ended the attempt was the time of the task, not the longer one of a local call. (Which
    # of Temporal's two clocks rings first is open on a busy machine: they are set to the same.)
    assert await timed_out(handle)
    assert busy.asked == 1


async def test_a_local_call_is_short_whatever_is_said(run: Runner, busy: Busy) -> None:
    busy.holds_s = 8.0
    once = "local: true, retry: { attempts: 1 }"
    ended = await run(ask(f"{{ {once} }}", busy.url))
    assert "no answer within 5 s" in ended.error["detail"]

    computed = "timeout: '${ \"PT\\(.s)S\" }'"
    ended = await run(ask(f"{{ {once}, {computed} }}", busy.url), {"s": 20})
    assert "no answer within 5 s" in ended.error["detail"]


async def test_between_attempts_of_a_local_call_an_instance_is_not_held(
    run: Runner, busy: Busy
) -> None:
    busy.answers = [503]
    local = "{ local: true, retry: { attempts: 2, delay: PT0.01S } }"
    handle = await run.start(ask(local, busy.url))
    await run.ended(handle)
    assert len(await timers(handle)) == 1
    assert await run.replay(handle) == 1


@pytest.mark.parametrize(
    ("status", "attempts", "told"),
    [(503, 2, ("communication", 503)), (404, 1, ("communication", 404))],
)
async def test_a_local_call_fails_with_what_the_same_call_fails_with_elsewhere(
    run: Runner, busy: Busy, status: int, attempts: int, told: tuple[str, int]
) -> None:
    retry = "retry: { attempts: 2, delay: PT0.01S }"
    for local in ("local: true, ", ""):
        busy.answers, asked = [status] * 2, busy.asked
        handle = await run.start(ask(f"{{ {local}{retry} }}", busy.url))
        ended = await run.ended(handle)
        assert (ended.kind, ended.error["status"]) == told
        assert busy.asked - asked == attempts
        assert await run.replay(handle) == 1
        busy.answers = []
