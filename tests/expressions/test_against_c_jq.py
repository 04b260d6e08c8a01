"""Programs made at random do what C jq does with them, or differ for a reason that has a name.

`MILLWRIGHT_TEST_CASES` makes it more than the usual 20,000 cases, from seeds never used before.
"""

import json
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tests.expressions.c_jq import LOST, Answer, CJq
from tests.expressions.hidden import hidden_mistake
from tests.expressions.programs import Maker
from tests.expressions.shrinking import Candidate, shrunk
from workflows.expressions import (
    ExpressionError,
    ExpressionSyntaxError,
    OutOfFuelError,
    TooLargeError,
    compile_expression,
)

MORE: Final = os.environ.get("MILLWRIGHT_TEST_CASES")
CASES: Final = int(MORE or 20_000)
BATCH: Final = 250
SHARDS: Final = 4
# Doubles hold every integer up to here.
EXACT: Final = 2**53
# How often C jq gives no answer, or ours stops a program that C jq lets run.
MAX_UNANSWERED: Final = 0.002
MAX_STOPPED: Final = 0.002
# More would mean that a reason explains what it should not.
MAX_EXPLAINED: Final = 0.01
NEEDED_WORKING: Final = 0.60
SHOWN: Final = 5


@dataclass(frozen=True)
class Difference:
    """A case in which the two engines do not do the same."""

    program: str
    value: Any
    ours: Answer
    theirs: Answer

    @property
    def text(self) -> str:
        """All there is, as text."""
        return f"{self.program} {self.value} {self.ours} {self.theirs}"

    @override
    def __str__(self) -> str:
        return (
            f"\n  jq      {self.program}"
            f"\n  input   {json.dumps(self.value, ensure_ascii=False)}"
            f"\n  ours    {_told(self.ours)}\n  C jq    {_told(self.theirs)}"
        )


def is_stopped(case: Difference) -> bool:
    return bool(case.ours.get("stopped"))


def has_large_integers(case: Difference) -> bool:
    return any(float(digits) >= EXACT for digits in re.findall(r"\d{16,}", case.text))


def has_kept_literal(case: Difference) -> bool:
    return re.search(r"\d\.\d*0\b|\d\.?\d*[eE][-+]?\d", f"{case.program} {case.value}") is not None


def matches_nothing_in_wide_text(case: Difference) -> bool:
    return re.search(r'"(?:|a\||b\*)"', case.program) is not None and not case.text.isascii()


def has_alternatives(case: Difference) -> bool:
    """C jq tries the next pattern also when something breaks or fails behind the expression.

    jq's own tests, which ours passes, say what `?//` does for itself.
    """
    return "?//" in case.program


def is_rounded_differently(case: Difference) -> bool:
    return re.search(r"\b(?:exp10|cbrt)\b", case.program) is not None


def has_negative_zero(case: Difference) -> bool:
    return re.search(r"-0(?![.\d])", str(case.theirs)) is not None


STOPPED: Final = "it takes more steps, or builds more, than a worker may be asked for"
# Why a difference may be: the words are those of `docs/expressions.md`.
EXPLAINED: Final[dict[str, Callable[[Difference], bool]]] = {
    STOPPED: is_stopped,
    "integers are exact to 2^63; C jq computes with doubles": has_large_integers,
    "C jq prints a number that was only copied as it was written": has_kept_literal,
    "an integer is never -0": has_negative_zero,
    "exp10 and cbrt are off in the last digit in C jq": is_rounded_differently,
    "an empty match comes once a character; C jq repeats it for each byte": (
        matches_nothing_in_wide_text
    ),
    "`?//` catches what fails in its body; C jq's also catches `break` and what fails behind it": (
        has_alternatives
    ),
}


class Tally:
    """What happened to all cases of a shard."""

    def __init__(self) -> None:
        self.cases = 0
        self.working = 0
        self.unanswered = 0
        self.explained = dict.fromkeys(EXPLAINED, 0)

    def unexplained(self, c_jq: CJq, cases: Sequence[tuple[str, Any]]) -> list[Difference]:
        """Count, and return what nobody can explain."""
        found = []
        for (program, value), theirs in zip(cases, c_jq.answers(cases), strict=True):
            self.cases += 1
            self.working += not theirs["failed"]
            self.unanswered += theirs is LOST
            difference = differs(program, value, theirs)
            if difference is None:
                continue
            reason = explained(difference)
            if reason is None:
                found.append(difference)
            else:
                self.explained[reason] += 1
        return found


def differs(program: str, value: Any, theirs: Answer) -> Difference | None:
    if theirs is LOST:
        return None
    ours = our_answer(program, value)
    if ours["failed"] and theirs["failed"] and not ours.get("mistake"):
        return None
    if ours["failed"] == theirs["failed"] and same(ours["outputs"], theirs["outputs"]):
        return None
    return Difference(program, value, ours, theirs)


def explained(difference: Difference) -> str | None:
    return next((reason for reason, holds in EXPLAINED.items() if holds(difference)), None)


def our_answer(program: str, value: Any) -> Answer:
    try:
        return {"outputs": compile_expression(program).outputs(value), "failed": False}
    except ExpressionSyntaxError as error:
        return {"failed": True, "message": str(error)}
    except ExpressionError as error:
        return {
            "failed": True,
            "message": str(error),
            "mistake": hidden_mistake(error),
            "stopped": isinstance(error, OutOfFuelError | TooLargeError),
        }


def same(ours: Any, theirs: Any) -> bool:  # noqa: PLR0911 - one for each type
    """Compare, as what they are when they are printed; the order of keys counts."""
    if isinstance(ours, bool) or isinstance(theirs, bool) or ours is None:
        return ours is theirs
    if isinstance(ours, float) and math.isnan(ours):
        return theirs is None
    if isinstance(ours, int | float):
        return _is_number(theirs) and _same_number(ours, theirs)
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and same(list(ours.values()), list(theirs.values()))
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _same_number(ours: float, theirs: float) -> bool:
    if math.isinf(ours):
        # Printed as the largest double.
        return math.copysign(1.0, ours) == math.copysign(1.0, theirs) and abs(theirs) > 1e308
    return ours == theirs


def _told(answer: Answer) -> str:
    outputs = [json.dumps(each, ensure_ascii=False) for each in answer.get("outputs", ())]
    if answer["failed"]:
        outputs.append(f"fails: {answer['message']}")
    return " ; ".join(outputs)[:1_000] or "no output"


def smallest(c_jq: CJq, difference: Difference) -> Difference:
    """Take things out of program and input for as long as they differ without a reason."""

    def differing(candidates: Sequence[Candidate]) -> Iterator[Difference]:
        for (program, value), theirs in zip(candidates, c_jq.answers(candidates), strict=True):
            found = differs(program, value, theirs)
            if found and explained(found) is None and not _is_refused(found):
                yield found

    return shrunk(difference, lambda each: (each.program, each.value), differing)


def _is_refused(difference: Difference) -> bool:
    """Tell whether C jq did not even compile it: half a bracket taken out is no finding."""
    return str(difference.theirs.get("message")).startswith("jq: error: ")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_programs_made_at_random_do_what_they_do_in_c_jq(shard: int) -> None:
    tally = Tally()
    found: list[Difference] = []
    with CJq() as c_jq:

        @settings(
            max_examples=CASES // SHARDS // BATCH,
            deadline=None,
            database=None,
            # The seed of a batch says nothing when it is smaller; the case itself is made smaller.
            phases=[Phase.generate],
            derandomize=MORE is None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.integers(min_value=0, max_value=2**64))
        def run(seed: int) -> None:
            maker = Maker(Random(f"{shard} {seed}"))  # noqa: S311 - to be the same again
            found.extend(tally.unexplained(c_jq, [maker.case() for _ in range(BATCH)]))

        run()
        shown = "".join(str(smallest(c_jq, each)) for each in found[:SHOWN])
    if found:
        pytest.fail(f"{len(found)} differences: {shown}", pytrace=False)
    print(vars(tally))  # noqa: T201 - what `pytest -rP` is asked for
    assert tally.cases >= CASES // SHARDS
    assert tally.working >= NEEDED_WORKING * tally.cases
    assert tally.unanswered <= MAX_UNANSWERED * tally.cases
    assert tally.explained[STOPPED] <= MAX_STOPPED * tally.cases
    assert sum(tally.explained.values()) <= MAX_EXPLAINED * tally.cases


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(1, True), (1, 1.5), ("1", 1), ([1], [1, 1]), ({"a": 1, "b": 1}, {"b": 1, "a": 1}), (0, None)],
)
def test_a_difference_would_be_seen(ours: Any, theirs: Any) -> None:
    assert not same(ours, theirs)
    assert same(ours, ours)
    assert same(theirs, theirs)


def test_c_jq_is_started_again_when_it_hangs_or_dies() -> None:
    with CJq() as c_jq:
        found = c_jq.answers([("1", None), ('"x" * 1e9 | tojson', None), ("error", "x"), (".", 2)])
    assert found[0] == {"outputs": [1], "failed": False}
    assert found[1]["failed"]
    assert found[2] == {"outputs": [], "failed": True, "message": "x"}
    assert found[3] == {"outputs": [2], "failed": False}
