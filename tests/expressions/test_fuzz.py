"""Whatever text arrives and whatever it is applied to: only our own errors come out, and soon."""

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from types import FrameType
from typing import Any, Final, NoReturn

import pytest

from tests.expressions.hidden import hidden_mistake
from tests.expressions.jq_tests import find_jq_test_file, read_cases
from tests.expressions.mutation import mutated, some_value
from tests.expressions.programs import Maker
from workflows.expressions import Expression, ExpressionError, ExpressionSyntaxError

PROGRAMS: Final = 100_000
SHARDS: Final = 10
VALUES_PER_PROGRAM: Final = 2
# CPU seconds for one step; ordinary is a thousandth of it.
HANG_S: Final = 2.0
MADE: Final = 1_500
MAX_SOURCE: Final = 400

OWN: Final = [
    ".line.limits.max // 0",
    "[.items[] | select(.qty > 2) | {sku, total: (.qty * .price)}]",
    "reduce .[] as [$a, {b: $c}] (0; . + $a - $c)",
    'foreach .[] as $x (0; . + $x; "\\($x): \\(.)")',
    "label $out | .[] | if . > 3 then break $out else . end",
    ". as {a: $x, b: [$y, $z]} ?// [$x, $y] ?// $x | [$x, $y, $z]",
    "def f($a; g): if $a > 0 then g | f($a - 1; g) else . end; f(3; . + 1)",
    'def walk2(f): if type == "object" then map_values(walk2(f)) else f end; walk2(.)',
    'try error({code: 1}) catch .code, (.a?.b[0]? // "none"), ..',
    '.[] |= (. + 1), (.a, .b) += 1, del(.[0], .a), to_entries, with_entries(.key |= "k" + .)',
    '[paths(type == "number")] as $p | getpath($p[]), delpaths($p), pick(.a), tostream',
    'test("a.c"; "x"), capture("(?<y>\\\\d{4})-(?<m>\\\\d\\\\d)"), gsub("(?<l>[a-z])"; "<\\(.l)>")',
    '@base64 "x\\(.)", @json, @csv, @tsv, @html, @uri, @sh, @base64d, @text',
    'todate, ("2015-03-05T23:51:47Z" | fromdate), strftime("%A %d %B %Y"), gmtime, mktime',
    "limit(3; repeat(. * 2)), first(range(10)), until(. > 100; . * 2), [while(. < 9; . + 1)]",
    "group_by(.a), unique_by(.b), sort_by(.a, -.b), min_by(.x), INDEX(.id), IN(1, 2), JOIN({}; .)",
    '{a, "b": 1, (.c): 2, $__loc__, @base64 "x": 3, "k\\(1)": 4} # comment',
    'splits(", *"), ascii_downcase, ltrimstr("a"), explode, implode, tojson, fromjson',
    "input_line_number, $ENV, env, now, halt, input, debug",
    "-1 - -.a, 1e3, .5, 0.1e-5, 100000000000000000000, infinite, nan, .[-1:], .[:2], .[1:3] = [9]",
]


class Hang(BaseException):
    """One step took longer than any may. No `except Exception` can swallow it."""


@contextmanager
def no_hang() -> Iterator[None]:
    """Raise `Hang` in whatever runs for too long after the last `begin_step`."""

    def on_alarm(_number: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGVTALRM, on_alarm)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def begin_step() -> None:
    # Time of this process, not of the clock: what else the machine does is no hang.
    signal.setitimer(signal.ITIMER_VIRTUAL, HANG_S)


def corpus(random: Random) -> tuple[list[str], list[Any]]:
    """Return valid programs and values: our own, some made at random, jq's where they are."""
    maker = Maker(random)
    cases = [maker.case() for _ in range(MADE)]
    programs, values = [*OWN, *(each for each, _ in cases)], [each for _, each in cases]
    if path := find_jq_test_file():
        known = read_cases(path.read_text(encoding="utf-8"))
        programs += [case.program for case in known]
        values += [case.value for case in known]
    return [each for each in programs if len(each) <= MAX_SOURCE], values


@pytest.mark.parametrize("shard", range(SHARDS))
def test_only_our_own_errors_come_out(shard: int) -> None:
    random = Random(shard)  # noqa: S311 - to be the same again
    programs, values = corpus(random)
    accepted = evaluated = 0
    with no_hang():
        for _ in range(PROGRAMS // SHARDS):
            program = mutated(random.choice(programs), programs, random)
            expression = compiled(program)
            if expression is None:
                continue
            accepted += 1
            for _ in range(VALUES_PER_PROGRAM):
                evaluated += works(expression, some_value(values, random))
    # The changes neither break everything nor nothing.
    assert 0.1 < accepted / (PROGRAMS // SHARDS) < 0.9
    assert evaluated > 0.1 * accepted


def got_through(error: BaseException, doing: str) -> NoReturn:
    """Fail with a text of ASCII only: pytest-xdist hangs on a report with half a surrogate pair."""
    first = error.__context__ or error
    where = "".join(traceback.format_tb(first.__traceback__)[-3:])
    pytest.fail(f"{doing}\n{type(first).__name__}: {first!a:.300}\n{where!s}", pytrace=False)


def compiled(program: str) -> Expression | None:
    begin_step()
    try:
        return Expression(program)
    except ExpressionSyntaxError:
        return None
    except BaseException as error:  # noqa: BLE001 - everything is judged
        caught = error
    got_through(caught, f"compiling {program!a}")


def works(expression: Expression, value: Any) -> bool:
    begin_step()
    try:
        expression.outputs(value)
    except BaseException as error:  # noqa: BLE001 - everything is judged
        caught = error
    else:
        return True
    if isinstance(caught, ExpressionError) and not hidden_mistake(caught):
        return False
    got_through(caught, f"evaluating {expression.source!a} with {value!a:.300}")


def loop() -> None:
    while True:
        pass


def test_a_hang_would_be_seen() -> None:
    with no_hang():
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
        with pytest.raises(Hang):
            loop()


ODD: Final = ["", " ", "\ud800", '"\ud800"', "\0", "#", "." * 20_000, "\ufeff.", "1" * 16_000]


@pytest.mark.parametrize("source", ODD, ids=range(len(ODD)))
def test_odd_texts_are_refused_or_work(source: str) -> None:
    with no_hang():
        expression = compiled(source)
        if expression is not None:
            works(expression, None)
