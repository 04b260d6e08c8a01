"""From a tree to closures. `code` says how they work; one file per group of nodes."""

from typing import NamedTuple

from workflows.expressions.builtins.excluded import EXCLUDED
from workflows.expressions.compiler import (
    arithmetic,
    binding,
    building,
    calls,
    flow,
    natives,
    paths,
    prelude,
    updating,
)
from workflows.expressions.compiler.code import Code, Scope, Table, compiled, is_heavy
from workflows.expressions.meter import FRAMES
from workflows.expressions.syntax.lexer import Problem
from workflows.expressions.syntax.parser import parse
from workflows.expressions.versions import Version

# Each registers what it compiles.
_PARTS = (arithmetic, binding, building, calls, flow, natives, paths, updating)
prelude.install()
_NEVER = frozenset({"ENV", "__prog_args"})


class Program(NamedTuple):
    """A compiled program.

    Attributes:
        variables: What it reads from outside, without `$`.
        heavy: Its results have to be weighed.
    """

    code: Code
    variables: frozenset[str]
    heavy: bool


def compile_program(source: str, version: Version) -> Program:
    """Compile a program.

    Raises:
        Problem: When it is not jq, or uses what a workflow must not.
    """
    tree = parse(source)
    scope = Scope()
    scope.table = table = Table(version)
    with calls.COMPILING:
        code = compiled(tree, scope)
    if code.frames > FRAMES:
        raise Problem("The expression is nested too deeply", 0, len(source))
    for name in _NEVER.intersection(table.free):
        place = max(source.find(f"${name}"), 0)
        message = f"'${name}' is not available: {EXCLUDED['$ENV']}"
        raise Problem(message, place, place + len(name) + 1)
    return Program(code, frozenset(table.free), is_heavy(code.spread))
