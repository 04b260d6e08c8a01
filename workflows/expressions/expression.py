"""One expression: checked and compiled once, evaluated with a budget as often as one likes."""

import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final
from unicodedata import east_asian_width

from typing_extensions import override

from foundation.json import JsonValue
from workflows.expressions.analysis import Analysis, analyse
from workflows.expressions.compiler import compile_program
from workflows.expressions.errors import (
    Break,
    ExpressionError,
    ExpressionSyntaxError,
    JqError,
    NoFuel,
    OutOfFuelError,
    Stop,
    TooBig,
    TooLargeError,
    Undefined,
    UnknownFunctionError,
)
from workflows.expressions.meter import Run
from workflows.expressions.syntax.lexer import Problem
from workflows.expressions.versions import CURRENT, Version

MAX_SOURCE_CHARS: Final = 16 * 1024
# Ours are nested calls of Python functions, some of them through C: 4,000 take at most 2 MB of
# stack (measured: 3.11, generators), and threads have 8 MB, or 2 MB where there is no limit set.
# Without this, how deep a program may recurse would depend on who calls it.
RECURSION_LIMIT: Final = 4_000
_MARGIN: Final = 60
_MARKED_CHARS: Final = 120
_TOLD_CHARS: Final = 500

if sys.getrecursionlimit() < RECURSION_LIMIT:
    sys.setrecursionlimit(RECURSION_LIMIT)


class _Meters(threading.local):
    """What this thread has burnt; a worker runs many workflows at once, each in a thread."""

    spent = 0


_METERS: Final = _Meters()


def fuel_spent() -> int:
    """Return the fuel that this thread has burnt so far. Only differences mean something."""
    return _METERS.spent


class Expression:
    """One compiled expression.

    Attributes:
        source: The jq text, without `${ }`.
        variables: Names of the variables it reads from outside, without `$`.
    """

    __slots__ = ("_code", "_cost", "_fuel", "_heavy", "_one", "source", "variables")

    def __init__(self, source: str, version: Version = CURRENT) -> None:
        """Parse, check and compile.

        Raises:
            ExpressionSyntaxError: When it is no jq, or uses what a workflow must not.
        """
        if len(source) > MAX_SOURCE_CHARS:
            raise ExpressionSyntaxError(
                f"The expression has {len(source):,} characters; {MAX_SOURCE_CHARS:,} are allowed."
            )
        try:
            program = compile_program(source, version)
        except Problem as problem:
            raise _refused(problem, source) from None
        except RecursionError:
            raise ExpressionSyntaxError("The expression is nested too deeply.") from None
        self.source = source
        self.variables = program.variables
        self._code = program.code
        self._one = program.code.one
        self._heavy = program.heavy
        self._fuel = version.fuel
        self._cost = program.code.cost

    @property
    def single(self) -> bool:
        """Whether it gives exactly one output, whatever the input is."""
        return self._one is not None

    def analysis(self) -> Analysis:
        """Say what can be known without running it."""
        known = analyse(self.source, self.variables, self._cost)
        # How long a result takes to be weighed depends on data.
        return replace(known, cost=None) if self._heavy else known

    def evaluate(
        self, value: JsonValue, variables: Mapping[str, JsonValue], fuel: int | None = None
    ) -> JsonValue:
        """Return the first output for `value`, or null when there is none.

        Args:
            value: The input, `.`.
            variables: What `$name` is, without `$`.
            fuel: What is left of a budget that several expressions share.

        Raises:
            ExpressionError: When the evaluation fails or runs out of fuel.
        """
        start = (self._fuel if fuel is None else fuel) - self._cost
        run = Run(variables, start)
        try:
            if start < 0:
                raise NoFuel  # noqa: TRY301 - told like every other one
            if self._one is not None:
                result = self._one(value, (), run)
            else:
                result = next(iter(self._code.many(value, (), run)), None)
            if self._heavy:
                run.weigh(result)
        except Exception as error:  # noqa: BLE001 - all of them end here, each with its reason
            raise self._failed(error) from None
        finally:
            _METERS.spent += start - run.fuel + self._cost
        return result  # type: ignore[no-any-return] # JSON, as everything inside

    def outputs(
        self, value: JsonValue, variables: Mapping[str, JsonValue] | None = None
    ) -> list[JsonValue]:
        """Return all outputs for `value`.

        Raises:
            ExpressionError: When the evaluation fails or runs out of fuel.
        """
        return list(self.stream(value, variables))

    def stream(
        self, value: JsonValue, variables: Mapping[str, JsonValue] | None = None
    ) -> Iterator[JsonValue]:
        """Yield one output after the other; an error comes behind those before it.

        Raises:
            ExpressionError: When the evaluation fails or runs out of fuel.
        """
        run = Run(variables or {}, self._fuel - self._cost)
        try:
            for result in self._code.many(value, (), run):
                run.charge(1)
                if self._heavy:
                    run.weigh(result)
                yield result
        except Exception as error:  # noqa: BLE001 - all of them end here, each with its reason
            raise self._failed(error) from None
        finally:
            _METERS.spent += self._fuel - run.fuel

    def _failed(self, error: Exception) -> ExpressionError:
        """Say what went wrong, for a person; values are masked, since histories keep it."""
        match error:
            case JqError():
                return self._failed_by(error)
            case NoFuel():
                return OutOfFuelError(
                    f"The expression takes more than {self._fuel:,} steps: {self._shown()}"
                )
            case TooBig():
                return TooLargeError(f"The expression builds {error}: {self._shown()}")
            case Undefined():
                return ExpressionError(f"There is no variable '${error}': {self._shown()}")
            case Break() | Stop():
                return ExpressionError(f"The expression leaves no label: {self._shown()}")
            case RecursionError():
                return TooLargeError(f"The expression is nested too deeply: {self._shown()}")
            case _:
                # A value the engine cannot handle is the definition's fault, not the worker's. The
                # text of such an exception may repeat the value.
                kind = type(error).__name__
                return ExpressionError(f"The expression failed ({kind}): {self._shown()}")

    def _failed_by(self, error: JqError) -> ExpressionError:
        try:
            failed = ExpressionError(self._told(error))
            failed.value = error.value
        except Exception as odd:  # noqa: BLE001 - nothing but our own errors comes out
            kind = type(odd).__name__
            return ExpressionError(f"The expression failed ({kind}): {self._shown()}")
        return failed

    def _told(self, error: JqError) -> str:
        said = error.told()
        if len(said) > _TOLD_CHARS:
            said = f"{said[:_TOLD_CHARS]}..."
        if error.hint:
            said = f"{error.hint}. {said}"
        if error.span is None:
            return f"{said}: {self._shown()}"
        return f"{said}\n{pointed_at(self.source, *error.span)}"

    def _shown(self) -> str:
        return self.source if len(self.source) <= _TOLD_CHARS else f"{self.source[:_TOLD_CHARS]}..."

    @override
    def __repr__(self) -> str:
        return f"Expression({self.source!r})"


def weigh(value: JsonValue, fuel: int) -> None:
    """Check that a value made of several results is not larger or deeper than one may be.

    Raises:
        OutOfFuelError: When looking at it takes more than is left of the budget.
        TooLargeError: When it is too large or too deep.
    """
    run = Run({}, fuel)
    try:
        run.weigh(value)
    except NoFuel:
        raise OutOfFuelError("The value that the expressions make together is too large.") from None
    except TooBig as error:
        raise TooLargeError(f"The expressions together build {error}.") from None
    finally:
        _METERS.spent += fuel - run.fuel


def pointed_at(source: str, start: int, end: int) -> str:
    """Show a place in a source: its line, cut to a margin, and carets below.

    Wide characters (Korean) take two columns in a terminal, so they get two carets.
    """
    begin = source.rfind("\n", 0, start) + 1
    stop = source.find("\n", start)
    stop = len(source) if stop < 0 else stop
    left = max(begin, start - _MARGIN)
    right = min(stop, max(end, start + 1) + _MARGIN)
    before, marked = source[left:start], source[start : min(end, right)]
    if len(marked) > _MARKED_CHARS:
        marked = marked[:_MARKED_CHARS]
        right = start + _MARKED_CHARS
    indent = " " * _columns(before)
    dots = "..." if left > begin else ""
    more = "..." if right < stop else ""
    carets = "^" * max(1, _columns(marked))
    line = source[left:right].replace("\t", " ")
    return f"    {dots}{line}{more}\n    {' ' * len(dots)}{indent}{carets}"


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def _refused(problem: Problem, source: str) -> ExpressionSyntaxError:
    kind = UnknownFunctionError if problem.unknown else ExpressionSyntaxError
    return kind(f"{problem.message}.\n{pointed_at(source, problem.start, problem.end)}")


@lru_cache(maxsize=4096)
def compile_expression(source: str, version: Version = CURRENT) -> Expression:
    """Compile an expression, or take it from this process's cache.

    Raises:
        ExpressionSyntaxError: When it is not an expression we accept.
    """
    return Expression(source, version)
