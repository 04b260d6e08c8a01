"""Loops that build something up: `reduce ... ([]; . + [x])`, `reduce ... ({}; .[key] += 1)`.

Copying the whole state in every turn would take quadratic time. Here the state is copied once and
then changed in place. Nobody can tell: only updates qualify whose parts cannot hold the state.
"""

from collections.abc import Callable
from typing import TypeAlias

from workflows.expressions.compiler.code import (
    HEAVY,
    MISSING,
    OUTER,
    Code,
    Env,
    One,
    Scope,
    compiled,
)
from workflows.expressions.compiler.explain import located_error
from workflows.expressions.compiler.updating import first_of
from workflows.expressions.errors import JqError, Value
from workflows.expressions.meter import MAX_ITEMS, Run
from workflows.expressions.operators import ARITHMETIC
from workflows.expressions.syntax import nodes as n

# (a state that nobody else holds, env, run) -> the same, changed; MISSING when it is another kind.
Grow: TypeAlias = Callable[[Value, Env, Run], Value]


def growing(node: n.Node, scope: Scope) -> Grow | None:
    """Compile an update that can be made in place; None when it is another one."""
    match node:
        case n.Binary(operator="+", left=n.Identity(), right=right):
            added = _apart(compiled(right, scope))
            return None if added is None else _extend(added)
        case n.Update(operator=operator, left=left, right=right):
            key = _key(left, scope)
            return None if key is None else _replace(node, operator, key, compiled(right, scope))
        case _:
            return None


def _apart(code: Code) -> One | None:
    """Return code that gives one value which does not hold its input."""
    return None if code.spread >= HEAVY or code.spread % OUTER else code.one


def _key(node: n.Node, scope: Scope) -> One | None:
    match node:
        case n.Field(target=n.Identity(), name=name):
            return lambda _state, _env, _run: name
        case n.Index(target=n.Identity(), index=index):
            return compiled(index, scope).one
        case _:
            return None


def _extend(added: One) -> Grow:
    def grow(state: Value, env: Env, run: Run) -> Value:
        more = added(state, env, run)
        if type(state) is list and type(more) is list:
            run.charge_items(len(more))
            if len(state) + len(more) > MAX_ITEMS:
                run.charge_items(len(state) + len(more))
            state += more
            return state
        if type(state) is dict and type(more) is dict:
            run.charge_entries(len(more))
            state.update(more)
            return state
        return MISSING

    return grow


def _replace(node: n.Update, operator: str, key: One, right: Code) -> Grow | None:
    given = None if operator == "|=" else _apart(right)
    if given is None and operator != "|=":
        return None
    make = _changed_by(operator, right)

    def grow(state: Value, env: Env, run: Run) -> Value:
        if type(state) is not dict:
            return MISSING
        try:
            # As in every assignment, the right side comes first.
            item = None if given is None else given(state, env, run)
            name = key(state, env, run)
            if type(name) is not str:
                return MISSING
            new = make(item, state.get(name), env, run)
        except JqError as error:
            raise located_error(error, node, state, env, run) from None
        run.charge(4)
        if new is not MISSING:
            state[name] = new
        elif name in state:
            del state[name]
        return state

    return grow


def _changed_by(operator: str, right: Code) -> Callable[[Value, Value, Env, Run], Value]:
    """What takes the place of a part, given the right side's value and the part."""
    if operator == "|=":
        update = first_of(right)
        return lambda _item, old, env, run: update(old, env, run)
    if operator == "=":
        return lambda item, _old, _env, _run: item
    if operator == "//=":
        return lambda item, old, _env, _run: item if old is None or old is False else old
    operation = ARITHMETIC[operator[:-1]]
    return lambda item, old, _env, run: operation(run, old, item)
