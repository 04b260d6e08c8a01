"""One jq expression: parsed and checked at publish, compiled once, evaluated with a fuel budget.

Fuel counts work, not time, so the same expression on the same input stops at the same place on
every machine and on every replay. The bindings to C and Rust jq cannot do that, and one endless
definition in them freezes or kills the whole worker.
"""

import threading
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import purejq
from purejq import compiler, parser
from purejq.builtins import PY_BUILTINS
from purejq.prelude import prelude_env

from foundation.json import JsonValue

# Pinned by every instance. Raise it when an expression may yield another value than before.
ENGINE_VERSION: Final = "purejq-0.3.1+1"

# Steps one evaluation may take: about 50 ms on a slow core, far above any real expression.
FUEL: Final = 100_000
MAX_SOURCE_CHARS: Final = 16 * 1024
# Items of one array or object, characters of one string, that an expression may build.
MAX_LENGTH: Final = 2_000_000

_NOT_DETERMINISTIC = "it would differ on replay. Use $workflow.startedAt"
_NO_ENVIRONMENT = "the worker's environment is not readable. Pass it as input or use $secrets"
_NO_INPUTS = "there is one input only. Use '.' or $input"
_NO_CONSOLE = "there is no console. Put what you want to see into the output"
_NO_HALT = "an expression cannot stop the process. Use a 'raise' task"
# Builtins of jq that have no place in a durable workflow: name -> why, and what to use instead.
FORBIDDEN_FUNCTIONS: Final[Mapping[str, str]] = {
    "now": _NOT_DETERMINISTIC,
    "localtime": _NOT_DETERMINISTIC,
    "strflocaltime": _NOT_DETERMINISTIC,
    "env": _NO_ENVIRONMENT,
    "$ENV": _NO_ENVIRONMENT,
    "input": _NO_INPUTS,
    "inputs": _NO_INPUTS,
    "input_filename": _NO_INPUTS,
    "input_line_number": _NO_INPUTS,
    "debug": _NO_CONSOLE,
    "stderr": _NO_CONSOLE,
    "halt": _NO_HALT,
    "halt_error": _NO_HALT,
    "get_search_list": _NO_ENVIRONMENT,
    "modulemeta": _NO_ENVIRONMENT,
}


class ExpressionSyntaxError(ValueError):
    """The text is not an expression we accept; the message says why."""


class UnknownFunctionError(ExpressionSyntaxError):
    """It calls a function that jq does not have, or that has no place in a workflow."""


class ExpressionError(Exception):
    """An evaluation failed: a wrong type, an unknown variable, no fuel left."""


class OutOfFuelError(ExpressionError):
    """An evaluation took more steps than it may."""


class _Meters(threading.local):
    """The budget of the evaluation that is running in this thread.

    A worker runs many workflows at once, each in a thread of its own while it computes.
    """

    left = FUEL
    spent = 0


_Meter: Final = _Meters()


def fuel_spent() -> int:
    """Return the fuel that this thread has burnt so far. Only differences mean something."""
    return _Meter.spent


def _metered(ast: Any) -> Any:
    """Compile one node so that each call of it and each value it yields takes a unit of fuel."""
    run = _plain_compile(ast)  # type: ignore[no-untyped-call] # purejq is untyped

    def counting(value: Any, environment: Any) -> Iterator[Any]:
        _Meter.left -= 1
        if _Meter.left < 0:
            raise OutOfFuelError(f"The expression takes more than {FUEL:,} steps.")
        for result in run(value, environment):
            _Meter.left -= 1
            if _Meter.left < 0:
                raise OutOfFuelError(f"The expression takes more than {FUEL:,} steps.")
            if isinstance(result, (str, list, dict)) and len(result) > MAX_LENGTH:
                raise OutOfFuelError(f"The expression builds more than {MAX_LENGTH:,} items.")
            yield result

    return counting


# Before the prelude is compiled, so that its functions are metered too.
_plain_compile = compiler.compile_v
compiler.compile_v = _metered


class Expression:
    """One compiled expression.

    Attributes:
        source: The jq text, without `${ }`.
        variables: Names of the variables it reads from outside, without `$`.
    """

    __slots__ = ("_run", "source", "variables")

    def __init__(self, source: str) -> None:
        """Parse, check and compile.

        Raises:
            ExpressionSyntaxError: When it does not parse, or uses what a workflow must not.
        """
        if len(source) > MAX_SOURCE_CHARS:
            raise ExpressionSyntaxError(
                f"The expression has {len(source):,} characters; {MAX_SOURCE_CHARS:,} are allowed."
            )
        try:
            ast = parser.parse(source)
            prelude_env()
            defined = frozenset(compiler.collect_defined_names(ast))
            with compiler._names_ctx(defined):  # noqa: SLF001 - the seam over purejq
                self._run = _metered(ast)
        except purejq.JqParseError as error:
            raise ExpressionSyntaxError(f"{error}, in: {source}") from error
        except RecursionError as error:
            raise ExpressionSyntaxError("The expression nests too deeply.") from error
        except (ValueError, OverflowError) as error:
            # Python refuses numbers of more than 4,300 digits.
            raise ExpressionSyntaxError(f"The expression cannot be read: {error}") from error
        _refuse_unknown_functions(ast, defined)
        self.source = source
        self.variables = frozenset(_free_variables(ast))
        if "ENV" in self.variables:
            raise ExpressionSyntaxError(f"'$ENV' is not available: {_NO_ENVIRONMENT}.")

    def evaluate(self, value: JsonValue, variables: Mapping[str, JsonValue]) -> JsonValue:
        """Return the first output for `value`, or null when there is none.

        Raises:
            ExpressionError: When the evaluation fails or runs out of fuel.
        """
        _Meter.left = FUEL
        environment = compiler.Env(parent=prelude_env(), vars=dict(variables))
        try:
            for result in self._run(value, environment):
                return result  # type: ignore[no-any-return] # purejq is untyped
        except purejq.JqError as error:
            raise ExpressionError(f"{error}, in: {self.source}") from error
        except OutOfFuelError as error:
            raise OutOfFuelError(f"{error} In: {self.source}") from None
        except RecursionError as error:
            raise ExpressionError(f"The expression recurses too deeply: {self.source}") from error
        except Exception as error:
            # A value the engine cannot handle is the definition's fault, not the worker's: a date
            # out of range, a number too long to be spelled, a text that is no text.
            raise ExpressionError(f"{type(error).__name__}: {error}, in: {self.source}") from error
        finally:
            _Meter.spent += FUEL - _Meter.left
        return None


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> Expression:
    """Compile an expression, or take it from this process's cache.

    Raises:
        ExpressionSyntaxError: When it is not an expression we accept.
    """
    return Expression(source)


def _nodes(ast: Any) -> Iterator[tuple[Any, ...]]:
    """Walk every node; purejq's are tuples that begin with their kind."""
    stack = [ast]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            if node and isinstance(node[0], str):
                yield node
            stack.extend(node)
        elif isinstance(node, list):
            stack.extend(node)


def _refuse_unknown_functions(ast: Any, defined: frozenset[str]) -> None:
    prelude = prelude_env()
    for node in _nodes(ast):
        if node[0] != "call" or len(node) != 3 or not isinstance(node[2], list):  # noqa: PLR2004
            continue
        name, arity = node[1], len(node[2])
        if name in defined:
            continue
        if why := FORBIDDEN_FUNCTIONS.get(name):
            raise UnknownFunctionError(f"'{name}' is not available in expressions: {why}.")
        if prelude.lookup_func((name, arity)) is None and (name, arity) not in PY_BUILTINS:
            raise UnknownFunctionError(f"There is no function '{name}/{arity}' in jq.")


def _free_variables(ast: Any) -> Iterator[str]:
    """Name variables that are read and nowhere bound inside the expression."""
    bound: set[str] = set()
    read: set[str] = set()
    for node in _nodes(ast):
        match node:
            case ("pvar", str(name)):
                bound.add(name)
            case ("var", str(name)):
                read.add(name)
            case ("funcdef", _, params, _, _):
                bound.update(param.removeprefix("$") for param in params)
            case ("pobject", entries):
                bound.update(name for _, _, name in entries if name)
            case _:
                pass
    yield from read - bound - {"__loc__", "__prog_args"}
