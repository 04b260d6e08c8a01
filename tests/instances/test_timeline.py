"""Folding task events into executions of tasks."""

from datetime import UTC, datetime, timedelta

import pytest

from workflows.instances.timeline import fold, place_of
from workflows.interpreter.types import TaskEvent, TaskState

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RUNNING, COMPLETED, SKIPPED = TaskState.RUNNING, TaskState.COMPLETED, TaskState.SKIPPED


def event(
    sequence: int, state: TaskState, reference: str = "/do/0/a", iteration: str = ""
) -> TaskEvent:
    return TaskEvent(
        sequence=sequence,
        time=NOON + timedelta(seconds=sequence),
        reference=reference,
        iteration=iteration,
        name="a",
        kind="set",
        state=state,
        execution=f"{reference}#{iteration}" if iteration else reference,
    )


def test_beginning_and_end_become_one_entry() -> None:
    (task,) = fold([event(1, RUNNING), event(2, COMPLETED)], {})
    assert (task.state, task.started_at, task.ended_at) == (
        COMPLETED,
        NOON + timedelta(seconds=1),
        NOON + timedelta(seconds=2),
    )


def test_a_task_that_is_jumped_back_to_runs_twice() -> None:
    states = (RUNNING, COMPLETED, RUNNING)
    tasks = fold([event(n, state) for n, state in enumerate(states, 1)], {})
    assert [task.state for task in tasks] == [COMPLETED, RUNNING]


def test_turns_of_a_loop_are_told_apart() -> None:
    events = [event(1, RUNNING, iteration="0"), event(2, RUNNING, iteration="1")]
    tasks = fold([*events, event(3, COMPLETED, iteration="0")], {})
    assert [(task.iteration, task.state) for task in tasks] == [("0", COMPLETED), ("1", RUNNING)]


def test_a_task_whose_beginning_is_not_kept_has_no_start() -> None:
    (task,) = fold([event(9, COMPLETED)], {})
    assert (task.started_at, task.ended_at) == (None, NOON + timedelta(seconds=9))


def test_a_skipped_task_is_shown() -> None:
    (task,) = fold([event(1, SKIPPED)], {})
    assert task.state is SKIPPED


def test_attempts_of_a_running_call_come_from_its_activity() -> None:
    tasks = fold([event(1, RUNNING, iteration="3/0")], {"/do/0/a#3/0": 7})
    assert [task.attempts for task in tasks] == [7]


@pytest.mark.parametrize(
    ("execution", "place"),
    [
        ("/do/0/a", ("/do/0/a", "")),
        ("/do/1/loop#3/do/0/inner#0/do/2/x", ("/do/1/loop/do/0/inner/do/2/x", "3/0")),
        ("/do/0/t!2/try/0/loop*4#17/do/0/a~1b*1", ("/do/0/t/try/0/loop/do/0/a~1b", "17")),
    ],
)
def test_an_execution_leads_back_to_its_task(execution: str, place: tuple[str, str]) -> None:
    assert place_of(execution) == place
