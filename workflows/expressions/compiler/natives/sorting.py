"""`add`, `sort_by`, `group_by` and the others that order by a program."""

from collections.abc import Callable, Collection
from typing import Final

from workflows.expressions.access import children
from workflows.expressions.builtins.containers import (
    ITERATED,
    grouped,
    largest,
    smallest,
    total,
)
from workflows.expressions.compiler.calls import SPECIAL, special
from workflows.expressions.compiler.code import (
    Code,
    Env,
    Scope,
    compiled,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.flow import computed
from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n
from workflows.expressions.values import sorted_values


@special("add", 1)
def add_all(node: n.Call, scope: Scope, located: bool) -> Code:
    body = compiled(node.arguments[0], scope)
    collect = body.collected or body.many

    def one(value: Value, env: Env, run: Run) -> Value:
        found = list(collect(value, env, run))
        run.charge(2 * len(found))
        try:
            return total(run, found)
        except JqError as error:
            raise located_error(error, node, value, env, run) from None

    code = Code(one, body.cost + 1, body.frames + 3, body.spread)
    return computed(code, located)


def _by(
    name: str, complaint: str, choose: Callable[[Run, list[Value], list[Value]], Value]
) -> None:
    def compile_it(node: n.Call, scope: Scope, located: bool) -> Code:
        body = compiled(node.arguments[0], scope)
        single, many = body.one, body.many

        def keys_of(items: Collection[Value], env: Env, run: Run) -> list[Value]:
            run.charge(len(items) * (body.cost + 1))
            if single is not None:
                return [single(item, env, run) for item in items]
            return [list(many(item, env, run)) for item in items]

        def chosen(value: Value, env: Env, run: Run) -> Value:
            keys = keys_of(children(value), env, run)
            if type(value) is not list:
                # In jq each key is an array of all that the program gives.
                raise OperandError(complaint, value, [[key] for key in keys] if single else keys)
            return choose(run, value, keys)

        def one(value: Value, env: Env, run: Run) -> Value:
            try:
                return chosen(value, env, run)
            except JqError as error:
                raise located_error(error, node, value, env, run) from None

        return computed(Code(one, 4, body.frames + 5, 1), located)

    SPECIAL[name, 1] = compile_it


_SORTED: Final = "{} and {} cannot be sorted, as they are not both arrays"
_by(
    "sort_by",
    _SORTED,
    lambda run, items, keys: [items[each] for each in sorted_values(run, items, keys)],
)
_by("group_by", _SORTED, grouped)
_by("unique_by", _SORTED, lambda run, items, keys: [g[0] for g in grouped(run, items, keys)])
_by("min_by", ITERATED, smallest)
_by("max_by", ITERATED, largest)
