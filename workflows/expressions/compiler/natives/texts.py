"""`sub` and `gsub`: the replacement is a program that sees the named groups."""

from collections.abc import Callable, Iterator

from workflows.expressions.builtins.regex import LISTS as REGEX
from workflows.expressions.compiler.calls import SPECIAL
from workflows.expressions.compiler.code import (
    Code,
    Env,
    Many,
    Scope,
    compiled,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.flow import computed
from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n


def _substitution(everywhere: bool) -> Callable[[n.Call, Scope, bool], Code]:
    """`sub`, `gsub`: the replacement is a program that sees the named groups."""

    def compile_it(node: n.Call, scope: Scope, located: bool) -> Code:
        pattern, replacement = (
            compiled(node.arguments[0], scope),
            compiled(node.arguments[1], scope),
        )
        flags = (
            compiled(node.arguments[2], scope).many
            if len(node.arguments) > 2  # noqa: PLR2004 - the third argument
            else lambda _value, _env, _run: ("",)
        )
        patterns, texts = pattern.many, replacement.many

        def each(value: Value, env: Env, run: Run) -> Iterator[Value]:
            for wanted in patterns(value, env, run):
                for given in flags(value, env, run):
                    try:
                        found = _matches(run, value, wanted, given, everywhere)
                    except JqError as error:
                        raise located_error(error, node, value, env, run) from None
                    if not found:
                        yield value
                        continue
                    yield from _replaced(node, value, found, texts, env, run)

        cost = pattern.cost + replacement.cost + 6
        frames = max(pattern.frames, replacement.frames) + 6
        return computed(Code(many=each, cost=cost, frames=frames), located)

    return compile_it


def _matches(run: Run, value: Value, pattern: Value, flags: Value, everywhere: bool) -> list[Value]:
    if flags is None:
        flags = ""
    if type(flags) is not str:
        raise OperandError("{} is not a string", flags)
    return REGEX["match", 2](run, value, pattern, f"{flags}g" if everywhere else flags)


def _replaced(
    node: n.Call, value: str, matches: list[Value], texts: Many, env: Env, run: Run
) -> Iterator[str]:
    """Build one text per output of the replacement; all matches take their n-th output."""
    results: list[list[str]] = []
    previous = 0
    for match in matches:
        run.charge(len(match["captures"]) + 4)
        gap = value[previous : match["offset"]]
        groups = {
            each["name"]: each["string"] for each in match["captures"] if each["name"] is not None
        }
        for index, text in enumerate(texts(groups, env, run)):
            run.charge(2)
            if type(text) is not str and text is not None:
                error = OperandError("{} and {} cannot be added", gap, text)
                error.span = (node.start, node.end)
                raise error
            if index == len(results):
                results.append([])
            results[index] += (gap, text or "")
        previous = match["offset"] + match["length"]
    rest = value[previous:]
    for parts in results:
        run.charge_text(sum(map(len, parts)) + len(rest))
        yield "".join((*parts, rest))
    if not results:
        yield value


for _count_of in (2, 3):
    SPECIAL["sub", _count_of] = _substitution(everywhere=False)
    SPECIAL["gsub", _count_of] = _substitution(everywhere=True)
