"""Our jq against the pure-Python `purejq` and the C binding `jq`, and what its meter costs.

All engines take turns in one run. What is compared is what a caller gets: JSON values in, one JSON
value out.
"""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import jq
import purejq

from bench.report import Figure
from bench.unmetered import unmetered_engine
from tests.expressions.hostile import HOSTILE, milliseconds
from workflows.expressions import Expression

Action: TypeAlias = Callable[[], Any]

ROUNDS: Final = 15
# Each engine's turn takes about this long.
TURN_S: Final = 0.03
# More looks at those that were slowest, in turns: a machine that is slow for a while is no fault of
# theirs.
SUSPECTS: Final = 25
LOOKS: Final = 15


@dataclass(frozen=True)
class Job:
    """A program and its input, and what it must give: all engines have to agree."""

    name: str
    program: str
    value: Any
    to_c: float | None = None


ITEMS: Final = [
    {"id": number, "sku": f"A-{number:04}", "qty": number % 7, "price": number * 1.25, "ok": True}
    for number in range(20)
]
MEASUREMENTS: Final = [
    {"line": f"L{number % 12}", "value": number % 1000 / 10, "ok": number % 3 == 0}
    for number in range(5_000)
]
# About 50 KB, as a workflow's context that has seen some tool calls.
CONTEXT: Final = {
    "order": {"id": 4711, "limits": {"max": 5}},
    "results": [
        {"tool": f"tool-{number}", "text": "x" * 300, "lines": list(range(40))}
        for number in range(110)
    ],
}
JOBS: Final = [
    Job("small predicate", ".value > 5 and .ok", {"value": 7.5, "ok": True, "line": "L1"}, 1 / 5),
    Job(
        "20-item transform",
        "[.[] | select(.qty > 2) | {sku, total: (.qty * .price)}]",
        ITEMS,
    ),
    Job("5,000-item filter", "map(select(.value > 50 and .ok)) | length", MEASUREMENTS),
    Job("one field of 50 KB", ".order.limits.max", CONTEXT, 1 / 100),
]
# What is compiled, and what the meter is measured with.
COMPILED: Final = JOBS[1].program
# The meter counts every turn here, and there is little else to do.
LOOPS: Final = [
    Job("a loop of 2,000 turns", "reduce range(2000) as $each (0; . + $each)", None),
    Job("600 calls", "def f: if . > 599 then . else . + 1 | f end; f", 0),
]
MAX_METERING: Final = 1.40


def measure() -> tuple[list[Figure], dict[str, object]]:
    """Compare, then look for the slowest attack."""
    figures = [figure for job in JOBS for figure in _evaluation(job)]
    figures += _compilation()
    figures += _metering()
    slowest, name = _slowest_hostile()
    figures.append(Figure("slowest hostile program", slowest, "ms", "<=", 50))
    return figures, {"rounds": ROUNDS, "hostile": len(HOSTILE), "slowest": name}


def _evaluation(job: Job) -> Iterator[Figure]:
    ours, pure, c = Expression(job.program), purejq.compile(job.program), jq.compile(job.program)
    actions: dict[str, Action] = {
        "ours": lambda: ours.evaluate(job.value, {}),
        "purejq": lambda: pure.first(job.value),
        "C": lambda: c.input_value(job.value).first(),
    }
    if any(action() != actions["C"]() for action in actions.values()):
        raise ValueError(f"The engines do not agree on {job.program}")
    yield from _figures(job.name, actions, job.to_c)


def _compilation() -> Iterator[Figure]:
    # The classes themselves: `compile_expression` would only look into its cache.
    yield from _figures(
        "compile",
        {
            "ours": lambda: Expression(COMPILED),
            "purejq": lambda: purejq.compile(COMPILED),
            "C": lambda: jq.compile(COMPILED),
        },
        None,
    )


def _metering() -> Iterator[Figure]:
    for job in [*JOBS[:3], *LOOPS]:
        rounds = _interleaved(_with_and_without(job))
        ratio = _ratio(rounds, "metered", "not")
        yield Figure(f"{job.name}, metered : not metered", ratio, "x", "<=", MAX_METERING)


def _with_and_without(job: Job) -> dict[str, Action]:
    metered = Expression(job.program)
    without = unmetered_engine().Expression(job.program)
    return {
        "metered": lambda: metered.evaluate(job.value, {}),
        "not": lambda: without.evaluate(job.value, {}),
    }


def _figures(name: str, actions: Mapping[str, Action], to_c: float | None) -> Iterator[Figure]:
    rounds = _interleaved(actions)
    yield Figure(f"{name}, ours : purejq", _ratio(rounds, "ours", "purejq"), "x", "<=", 1)
    bound = ("<=", to_c) if to_c else (None, None)
    yield Figure(f"{name}, ours : C", _ratio(rounds, "ours", "C"), "x", *bound)
    for engine, times in rounds.items():
        yield Figure(f"{name}, {engine}", statistics.median(times) * 1e6, "us")


def _interleaved(actions: Mapping[str, Action]) -> dict[str, list[float]]:
    """Return the seconds of one call, for each action and round."""
    repeats = {name: _repeats(action) for name, action in actions.items()}
    rounds: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(ROUNDS):
        for name in list(actions)[:: 1 if turn % 2 else -1]:
            rounds[name].append(_seconds(actions[name], repeats[name]))
    return rounds


def _repeats(action: Action) -> int:
    action()
    return max(1, int(TURN_S / max(_seconds(action, 3), 1e-9)))


def _seconds(action: Action, repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        action()
    return (time.perf_counter() - started) / repeats


def _ratio(rounds: Mapping[str, list[float]], one: str, other: str) -> float:
    # Neighbours in time are compared with each other; the median ignores a disturbed pair.
    return statistics.median(
        mine / theirs for mine, theirs in zip(rounds[one], rounds[other], strict=True)
    )


def _slowest_hostile() -> tuple[float, str]:
    # As a worker does: what was made before is not looked through again and again.
    gc.collect()
    gc.freeze()
    timed = sorted(HOSTILE, key=milliseconds)[-SUSPECTS:]
    looks = dict.fromkeys((each.name for each in timed), math.inf)
    for _ in range(LOOKS):
        for each in timed:
            looks[each.name] = min(looks[each.name], milliseconds(each))
    name = max(looks, key=looks.__getitem__)
    return looks[name], name
