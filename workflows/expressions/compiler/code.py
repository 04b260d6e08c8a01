"""What a node is compiled to, and what names mean while it is compiled.

Compiled code is a Python closure `(value, env, run)`. Three shapes, since a generator costs five
times a call: exactly one output, at most one, any number. Every node is compiled to the narrowest
shape that holds.

In *located* mode the value is a pair of a path and the value there; `path(f)` and assignments use
it. The same closures serve both modes; only what touches a value itself differs.

`env` is a chain of pairs `(value, rest)`. It is never changed, so generators that are suspended in
the middle of a program see what they saw. Where a variable stands in it is known when it is
compiled.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from workflows.expressions.errors import Span, Value
from workflows.expressions.meter import Run
from workflows.expressions.syntax import nodes as n
from workflows.expressions.syntax.lexer import Problem
from workflows.expressions.versions import CURRENT, Version

Env: TypeAlias = Any
One: TypeAlias = Callable[[Value, Env, Run], Value]
Many: TypeAlias = Callable[[Value, Env, Run], Iterable[Value]]

# What code of the shape "at most one" gives when there is none.
MISSING: Final[Any] = object()
# Nested nodes; longer chains of operators than this are not programs for people.
MAX_NODES_DEEP: Final = 400
MAX_NODES: Final = 3_500
# See `Code.spread`. More than this is not counted any further.
OUTER: Final = 1_000
# Paths and filters give parts of what there was. Whatever wraps or repeats is weighed: over many
# tasks it could grow without end.
MAX_LIGHT: Final = 1
HEAVY: Final = 1_000_000


class Code:
    """One compiled node. Names for the arguments double what it takes to make one.

    Attributes:
        one: Gives exactly one output; None when the node has another shape.
        maybe: Gives one output or MISSING; None when there can be more.
        cost: Fuel for one pass through the straight-line part.
        frames: Nested Python frames that running it takes.
        spread: How often its outputs may hold the input as a whole, plus a thousand times how
            often they may hold values of variables. Results that repeat little need not be weighed.
        constant: It does not look at its input.
        eager: Gives all outputs at once; whatever can fail fails before the first of them.
        collected: Gives all outputs as a new list, for who wants all of them anyway.
    """

    __slots__ = ("_many", "cost", "frames", "maybe", "one", "spread")
    # Few have these, and programs are compiled often: see `Constant` and `Listing`.
    constant = False
    eager: Many | None = None
    collected: Many | None = None

    def __init__(
        self,
        one: One | None = None,
        cost: int = 1,
        frames: int = 1,
        spread: int = HEAVY,
        maybe: One | None = None,
        many: Many | None = None,
    ) -> None:
        self.one = one
        self.maybe = one if maybe is None else maybe
        self._many = many
        self.cost = cost
        self.frames = frames
        self.spread = spread

    @property
    def many(self) -> Many:
        """The code as one that gives any number of outputs."""
        if self._many is None:
            self._many = _spread(self.one, self.maybe)
        return self._many

    @property
    def shape(self) -> int:
        """1: exactly one output, 2: at most one, 3: any number."""
        return 1 if self.one else 2 if self.maybe else 3


class Constant(Code):
    """A literal; it does not look at its input."""

    __slots__ = ()
    constant = True


class Listing(Code):
    """Code that can give its outputs as a list."""

    __slots__ = ("collected", "eager")

    def __init__(
        self,
        many: Many,
        cost: int,
        frames: int,
        spread: int = HEAVY,
        *,
        eager: Many | None = None,
        collected: Many | None = None,
    ) -> None:
        super().__init__(None, cost, frames, spread, None, many)
        self.eager = eager
        self.collected = collected


def together(*spreads: int) -> int:
    """Spread of what holds the outputs of all of these."""
    total = sum(spreads)
    if total < OUTER:
        return total
    pairs = [divmod(each, OUTER) for each in spreads]
    return counted(sum(variables for variables, _ in pairs), sum(inputs for _, inputs in pairs))


def counted(variables: int, inputs: int) -> int:
    """Spread of what holds so many variables and inputs; beyond a bound nobody counts."""
    return HEAVY if max(variables, inputs) >= OUTER else variables * OUTER + inputs


def passed_on(left: Code, right: Code) -> int:
    """Spread of `left | right`: what the right side holds of variables comes once per output."""
    if left.spread < OUTER > right.spread:
        # Nothing of variables, as in most programs.
        total = max(left.spread, 1) * right.spread
        return total if total < OUTER else HEAVY
    variables, inputs = divmod(right.spread, OUTER)
    if left.spread >= HEAVY or right.spread >= HEAVY or (variables and left.maybe is None):
        return HEAVY
    # What the left side has built anew counts as well when the right side repeats it.
    if variables == 0 and inputs == 0:
        return 0
    before, through = divmod(max(left.spread, 1), OUTER)
    return counted(variables + before * inputs, through * inputs)


def either(one: Code, other: Code) -> int:
    """Spread of code that runs one or the other."""
    if one.spread >= HEAVY or other.spread >= HEAVY:
        return HEAVY
    variables, inputs = divmod(one.spread, OUTER)
    more_variables, more_inputs = divmod(other.spread, OUTER)
    return max(variables, more_variables) * OUTER + max(inputs, more_inputs)


def is_heavy(spread: int) -> bool:
    """Tell whether a result has to be weighed."""
    variables, inputs = divmod(spread, OUTER)
    return variables + inputs > MAX_LIGHT


def _spread(one: One | None, maybe: One | None) -> Many:
    if one is not None:
        return lambda value, env, run: (one(value, env, run),)
    assert maybe is not None  # noqa: S101 - there is one of the three

    def spread(value: Value, env: Env, run: Run) -> Iterable[Value]:
        found = maybe(value, env, run)
        return () if found is MISSING else (found,)

    return spread


class Function:
    """A function of the program, compiled when it is first called, per shape of its arguments."""

    __slots__ = ("codes", "node", "scope")

    def __init__(self, node: n.Define, scope: "Scope") -> None:
        self.node = node
        # What its body sees, itself included.
        self.scope = scope
        self.codes: dict[tuple[bool, tuple[int, ...]], Body] = {}


class Body:
    """The code of a function for one shape of arguments.

    Attributes:
        code: None while it is being compiled; who calls it then is recursive.
        tails: It may end with a call that its caller has to make.
        parameters: The names of its arguments, as functions.
    """

    __slots__ = ("code", "parameters", "tails")

    def __init__(self) -> None:
        self.code: Code | None = None
        self.tails = False
        self.parameters: list[Scope] = []

    def wants_paths(self, position: int) -> bool:
        """Tell whether an argument is asked for paths; yes as long as nobody knows."""
        return self.code is None or self.parameters[position].wanted


class Scope:
    """Names at one place of the program, innermost first.

    Attributes:
        name: `$x` for variables, `x/1` for functions, `*x` for labels, empty for none.
        slot: Depth of the environment in which a variable, label or argument is found.
        depth: Depth of the environment here.
        shape: Of a function that is an argument: the shape of its code.
        function: Of a function of the program.
        wanted: Of a function that is an argument: somebody asks it for paths.
    """

    __slots__ = ("depth", "function", "name", "parent", "shape", "slot", "table", "wanted")

    def __init__(
        self,
        parent: "Scope | None" = None,
        name: str = "",
        depth: int = 0,
        slot: int = -1,
        shape: int = 0,
    ) -> None:
        self.parent = parent
        self.name = name
        self.depth = depth
        self.slot = slot
        self.shape = shape
        self.function: Function | None = None
        self.wanted = False
        self.table: Table | None = parent.table if parent else None

    def bound(self, name: str, shape: int = 0) -> "Scope":
        """Add a name whose value is put in front of the environment."""
        return Scope(self, name, self.depth + 1, self.depth, shape)

    def with_function(self, node: n.Define) -> "Scope":
        """Add a function of the program; it takes no place in the environment."""
        inner = Scope(self, f"{node.name}/{len(node.parameters)}", self.depth)
        inner.function = Function(node, inner)
        return inner

    def find(self, name: str) -> "Scope | None":
        """Look a name up, from the inside out."""
        scope: Scope | None = self
        while scope is not None:
            if scope.name == name:
                return scope
            scope = scope.parent
        return None


class Table:
    """What one program is compiled with, and what is noted about it meanwhile.

    Attributes:
        free: Variables that come from outside.
        bodies: The functions that are being compiled, innermost last.
        nodes: How many nodes have been compiled, copies for other shapes included.
        deep: How many nodes are around the one that is being compiled.
    """

    __slots__ = ("bodies", "deep", "free", "nodes", "version")

    def __init__(self, version: Version = CURRENT) -> None:
        self.version = version
        self.free: set[str] = set()
        self.bodies: list[Body] = []
        self.nodes = 0
        self.deep = 0


Compile: TypeAlias = Callable[[Any, Scope, bool, bool], Code]
COMPILERS: Final[dict[type[n.Node], Compile]] = {}


def compiles(kind: type[n.Node]) -> Callable[[Compile], Compile]:
    """Register what compiles one kind of node: `(node, scope, located, tail) -> Code`."""

    def register(function: Compile) -> Compile:
        COMPILERS[kind] = function
        return function

    return register


def compiled(node: n.Node, scope: Scope, located: bool = False, tail: bool = False) -> Code:
    """Compile a node.

    Args:
        node: What to compile.
        scope: The names it sees.
        located: Values are pairs of a path and the value there.
        tail: Nothing of the function around it remains to be done after it.

    Raises:
        Problem: When it calls what is not there, or is nested too deeply.
    """
    table = scope.table
    assert table is not None  # noqa: S101 - every scope has one
    deep = table.deep
    table.deep = deep + 1
    nodes = table.nodes = table.nodes + 1
    if deep >= MAX_NODES_DEEP:
        raise Problem("The expression is nested too deeply", node.start, node.end)
    if nodes > MAX_NODES:
        raise Problem("The expression is too large when its functions are written out", 0)
    code = COMPILERS[type(node)](node, scope, located, tail)
    table.deep = deep
    return code


def span_of(node: n.Node) -> Span:
    """Say where a node stands."""
    return node.start, node.end


def at_value(code: Code, located: bool) -> Code:
    """Let code that was compiled for plain values run on pairs of a path and a value."""
    if not located or code.constant:
        return code
    one, maybe = code.one, code.maybe
    if one is not None:
        single = one
        return _like(code, one=lambda pair, env, run: single(pair[1], env, run))
    if maybe is not None:
        optional = maybe
        return _like(code, maybe=lambda pair, env, run: optional(pair[1], env, run))
    many = code.many
    return _like(code, many=lambda pair, env, run: many(pair[1], env, run))


def _like(
    code: Code, one: One | None = None, maybe: One | None = None, many: Many | None = None
) -> Code:
    return Code(one=one, maybe=maybe, many=many, cost=code.cost, frames=code.frames + 1)
