"""Builtins that take programs as arguments, one file per kind of work.

Loops are loops here, not recursion as in jq's own definitions: they need no stack.
"""

from workflows.expressions.builtins.table import FUNCTIONS, LISTS
from workflows.expressions.compiler.calls import PRELUDE, SPECIAL, special
from workflows.expressions.compiler.code import Code, Scope
from workflows.expressions.compiler.flow import computed
from workflows.expressions.compiler.natives import (
    choosing,
    limits,
    loops,
    places,
    searches,
    sorting,
    texts,
)
from workflows.expressions.syntax import nodes as n

# Each registers what it compiles.
__all__ = ("choosing", "limits", "loops", "places", "searches", "sorting", "texts")


@special("builtins")
def builtins(_node: n.Call, _scope: Scope, located: bool) -> Code:
    known = {*SPECIAL, *FUNCTIONS, *LISTS, *PRELUDE}
    names = sorted(f"{name}/{arity}" for name, arity in known if not name.startswith("_"))
    return computed(Code(lambda _value, _env, _run: list(names), cost=60, spread=0), located)
