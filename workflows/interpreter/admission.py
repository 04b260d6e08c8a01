"""Calls that have limits: a call that is not let in waits here, and takes no slot of a worker.

Its activity says when to ask again; who leaves calls the next one earlier (signal `turn`).
"""

from collections.abc import Awaitable, Callable
from typing import Final

from temporalio import workflow

from activities.limits.types import Concurrency, Limits, Rate, Refused
from activities.types import ActivityResult
from foundation.json import JsonValue
from workflows.interpreter.calls import shortened
from workflows.interpreter.policy import Limit, bounded
from workflows.interpreter.run import ANNOUNCED_S, Frame

# Where the frame's state remembers that it waits for its turn.
TURN: Final = "turn"
MAX_KEY_BYTES: Final = 250


def limits_of(value: JsonValue, frame: Frame) -> Limits | None:
    """Compute what a call has to keep to.

    Raises:
        Fault: When a key cannot be computed.
    """
    policy = frame.step.policy
    if policy.concurrency is None and policy.rate is None:
        return None
    concurrency = rate = None
    if (given := policy.concurrency) is not None:
        concurrency = Concurrency(key=_key(given, value, frame), limit=given.limit)
    if (given := policy.rate) is not None:
        rate = Rate(key=_key(given, value, frame), limit=given.limit, period_s=given.period_s)
    return Limits(
        workflow_id=workflow.info().workflow_id,
        execution=frame.path,
        until=frame.deadline,
        concurrency=concurrency,
        rate=rate,
    )


def _key(limit: Limit, value: JsonValue, frame: Frame) -> str:
    """Name what shares a limit: without a key, the executions of the task in all its versions."""
    chosen = frame.text(limit.key, value)
    own = f"{workflow.info().workflow_type}{frame.step.reference}"
    return bounded(own if chosen is None else chosen, MAX_KEY_BYTES)


async def admitted(
    frame: Frame, attempt: Callable[[], Awaitable[ActivityResult]]
) -> ActivityResult:
    """Ask until the call is let in; return what came of it.

    Raises:
        Fault: When the call failed.
    """
    turns = frame.run.turns
    turns[frame.path] = False
    try:
        if TURN in frame.state:
            await _turn(frame)
        while (answer := await attempt()).refused is not None:
            await _turn(frame, answer.refused)
        return answer
    finally:
        turns.pop(frame.path, None)


async def _turn(frame: Frame, refused: Refused | None = None) -> None:
    """Wait until it is time to ask again, even across runs.

    Args:
        refused: What the activity said; None when an earlier run was told.
    """
    state, run = frame.state, frame.run
    if refused is not None:
        until = workflow.time() + refused.after_s
        state[TURN] = {"until": until, "kind": refused.kind, "key": refused.key}
    told = state[TURN]
    until, kind = told["until"], told["kind"]
    end = until if kind == "rate-limit" else None
    announced = until - workflow.time() >= ANNOUNCED_S
    with frame.waits(kind, end, announced=announced, key=told["key"]):
        while (left := until - workflow.time()) > 0 and not run.turns.get(frame.path):
            try:
                await workflow.wait_condition(
                    lambda: run.control.leaving or run.turns.get(frame.path, False),
                    timeout=left,
                    timeout_summary=shortened(f"{frame.path} {kind}"),
                )
            except TimeoutError:
                break
            await run.control.boundary(frame.position)
    run.turns[frame.path] = False
    del state[TURN]
