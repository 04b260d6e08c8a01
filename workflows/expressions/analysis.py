"""What can be known of an expression without running it: the paths it reads, a bound on its cost.

Both are careful in opposite ways. A path is only reported when it certainly is what will be read,
since people are warned about it. A bound is only given when it certainly holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from typing_extensions import override

from workflows.expressions.syntax import nodes as n
from workflows.expressions.syntax.parser import parse

# The input of the expression; other roots are names of variables.
INPUT: Final = "."
# Variables whose values must not be kept in the history of a run.
SECRET: Final = frozenset({"secrets", "authorization"})
# A key of an object, a position, or None for any of them.
Key: TypeAlias = str | int | None


class Read(NamedTuple):
    """A path that is read.

    Attributes:
        root: `.` for the input, or the name of a variable from outside.
        keys: What is read there; None stands for any item.
        start, end: Where in the source that is said.
    """

    root: str
    keys: tuple[Key, ...]
    start: int
    end: int

    @override
    def __str__(self) -> str:
        spelled = "".join(
            "[]" if key is None else f"[{key}]" if isinstance(key, int) else f".{key}"
            for key in self.keys
        )
        if self.root != INPUT:
            return f"${self.root}{spelled}"
        return spelled if spelled.startswith(".") else f".{spelled}"


@dataclass(frozen=True)
class Analysis:
    """What is known of one expression.

    Attributes:
        variables: Names it reads from outside, without `$`.
        reads: Paths that it certainly reads when it gets there.
        secret: A secret flows into it.
        cost: Fuel that no evaluation exceeds; None when that depends on data.
    """

    variables: frozenset[str]
    reads: tuple[Read, ...]
    secret: bool
    cost: int | None


# Where a value stands: a path, or None when it was computed or nobody knows.
_Place: TypeAlias = Read | None
_Places: TypeAlias = "list[_Place]"
_Names: TypeAlias = Mapping[str, _Places]


def analyse(source: str, variables: frozenset[str], cost: int) -> Analysis:
    """Analyse an expression that has been compiled.

    Args:
        source: The jq text.
        variables: Names it reads from outside.
        cost: Fuel for one pass through all of it.
    """
    tree = parse(source)
    steps = steps_beyond(tree)
    reader = _Reader()
    reader.used(reader.places(tree, [Read(INPUT, (), tree.start, tree.end)], {}))
    return Analysis(
        variables=variables,
        reads=tuple(dict.fromkeys(reader.reads)),
        secret=not SECRET.isdisjoint(variables),
        cost=None if steps is None else cost + steps,
    )


# Builtins that give a part of their input, or nothing.
_PASSING: Final = frozenset(
    """
    select empty error values nulls booleans numbers strings arrays objects iterables
    scalars first last limit skip until
    """.split()  # noqa: SIM905 - a list of this length is better read as words
)
# Builtins whose arguments see the items of the input.
_OVER_ITEMS: Final = frozenset(
    """
    map any all sort_by group_by unique_by min_by max_by map_values
    """.split()  # noqa: SIM905 - a list of this length is better read as words
)


class _Reader:
    """Follows values through a program."""

    def __init__(self) -> None:
        self.reads: list[Read] = []

    def used(self, places: _Places) -> None:
        self.reads += [place for place in places if place is not None and place.keys]

    def places(self, node: n.Node, here: _Places, names: _Names) -> _Places:
        """Return where the outputs of a node stand, given where its input stands."""
        match node:
            case n.Identity():
                return here
            case n.Field(target=target, name=name):
                return _below(self.places(target, here, names), name, node)
            case n.Index(target=target, index=n.Literal(value=int() as position)):
                return _below(self.places(target, here, names), position, node)
            case n.Index(target=target, index=index):
                self.used(self.places(index, here, names))
                return _below(self.places(target, here, names), None, node)
            case n.Iterate(target=target):
                return _below(self.places(target, here, names), None, node)
            case n.Slice(target=target, low=low, high=high):
                self.all_used((part for part in (low, high) if part), here, names)
                # Positions behind it are counted from somewhere else.
                self.used(self.places(target, here, names))
                return [None]
            case n.Variable(name=name):
                return names.get(name, [Read(name, (), node.start, node.end)])
            case n.Pipe(left=left, right=right):
                return self.places(right, self.places(left, here, names), names)
            case n.Comma(items=items):
                return [place for item in items for place in self.places(item, here, names)]
            case n.Alternative(left=left, right=right):
                return self.places(left, here, names) + self.places(right, here, names)
            case n.If(condition=condition, yes=yes, no=no):
                self.used(self.places(condition, here, names))
                other = here if no is None else self.places(no, here, names)
                return self.places(yes, here, names) + other
            case n.Try(body=body, handler=handler):
                caught = self.places(handler, [None], names) if handler else []
                return self.places(body, here, names) + caught
            case n.Label(body=body):
                return self.places(body, here, names)
            case n.Bind() | n.Reduce() | n.Foreach() | n.Define():
                return self.scoped(node, here, names)
            case n.Call():
                return self.called(node, here, names)
            case n.Update(operator="|=", left=left, right=right):
                # The right side sees what stands on the left, which may not be there yet.
                self.used(self.places(right, self.places(left, here, names), names))
                return [None]
            case _:
                self.all_used(_parts(node), here, names)
                return [None]

    def all_used(self, nodes: Iterable[n.Node], here: _Places, names: _Names) -> None:
        for node in nodes:
            self.used(self.places(node, here, names))

    def scoped(
        self, node: n.Bind | n.Reduce | n.Foreach | n.Define, here: _Places, names: _Names
    ) -> _Places:
        match node:
            case n.Define(body=body, rest=rest, parameters=parameters):
                own = {each[1:]: _nowhere() for each in parameters if each.startswith("$")}
                # A slash is in no variable: these are functions, which may hide builtins.
                own |= {f"{each.removeprefix('$')}/0": _nowhere() for each in parameters}
                known = {**names, f"{node.name}/{len(parameters)}": _nowhere()}
                self.used(self.places(body, _nowhere(), {**known, **own}))
                return self.places(rest, here, known)
            case n.Bind(source=source, patterns=patterns, body=body):
                inner = self.bound(source, patterns, here, names)
                return self.places(body, here, inner)
            case _:
                inner = self.bound(node.source, node.patterns, here, names)
                self.used(self.places(node.initial, here, names))
                self.used(self.places(node.update, _nowhere(), inner))
                if isinstance(node, n.Foreach) and node.extract is not None:
                    self.used(self.places(node.extract, _nowhere(), inner))
                return _nowhere()

    def bound(
        self, source: n.Node, patterns: list[n.Pattern], here: _Places, names: _Names
    ) -> _Names:
        found = self.places(source, here, names)
        inner = dict(names)
        for pattern in patterns:
            if len(patterns) == 1:
                self.taken(pattern, found, inner, here, names)
            else:
                self.taken(pattern, _nowhere(), inner, here, names)
        return inner

    def taken(
        self,
        pattern: n.Pattern,
        found: _Places,
        inner: dict[str, _Places],
        here: _Places,
        names: _Names,
    ) -> None:
        match pattern:
            case n.VariablePattern(name=name):
                inner[name] = found
            case n.ArrayPattern(items=items, start=start, end=end):
                for index, item in enumerate(items):
                    below = _below(found, index, n.Node(start, end))
                    self.taken(item, below, inner, here, names)
            case n.ObjectPattern(entries=entries):
                for key, bound, deeper in entries:
                    if isinstance(key, n.Literal) and isinstance(key.value, str):
                        part = _below(found, key.value, key)
                    else:
                        self.used(self.places(key, found, names))
                        part = _below(found, None, key)
                    if bound is not None:
                        inner[bound] = part
                    if deeper is not None:
                        self.taken(deeper, part, inner, here, names)

    def called(self, node: n.Call, here: _Places, names: _Names) -> _Places:
        if f"{node.name}/{len(node.arguments)}" in names:
            self.all_used(node.arguments, _nowhere(), names)
            return _nowhere()
        if node.name in _OVER_ITEMS and node.arguments:
            below = _below(here, None, node)
            for argument in node.arguments[:-1]:
                below = self.places(argument, here, names)
            self.used(self.places(node.arguments[-1], below, names))
            return _nowhere()
        if node.name in _PASSING:
            self.all_used(node.arguments[:1], here, names)
            if node.name in ("first", "last") and node.arguments:
                return self.places(node.arguments[0], here, names)
            if node.name in ("first", "last"):
                return _below(here, 0 if node.name == "first" else -1, node)
            if node.name in ("limit", "skip"):
                return self.places(node.arguments[1], here, names)
            return here if node.name != "until" else _nowhere()
        # Values that are looked up where the call stands; programs may run on anything.
        inside = here if node.name in _VALUE_ARGUMENTS else _nowhere()
        self.all_used(node.arguments, inside, names)
        if not node.arguments:
            self.used(here)
        return _nowhere()


_VALUE_ARGUMENTS: Final = frozenset(
    """
    has contains join split startswith endswith ltrimstr rtrimstr test match range
    flatten index rindex indices getpath error pow atan2 strftime strptime
    """.split()  # noqa: SIM905 - a list of this length is better read as words
)


def _nowhere() -> _Places:
    return [None]


def _below(places: _Places, key: Key, node: n.Node) -> _Places:
    return [
        None
        if place is None
        else Read(
            place.root,
            (*place.keys, key),
            node.start if place.root == INPUT else place.start,
            node.end,
        )
        for place in places
    ]


def _parts(node: n.Node) -> list[n.Node]:
    """The nodes directly inside one that computes a new value from all of them."""
    match node:
        case n.Binary(left=left, right=right) | n.Logic(left=left, right=right):
            return [left, right]
        case n.Update(right=right):
            # The left side may name what is not there yet.
            return [right]
        case n.Negate(body=body):
            return [body]
        case n.Array(body=body):
            return [] if body is None else [body]
        case n.Object(entries=entries):
            return [part for entry in entries for part in entry]
        case n.Text(parts=parts):
            return [part for part in parts if isinstance(part, n.Node)]
        case _:
            return []


# Builtins that take the same time for any input.
_CONSTANT: Final = frozenset(
    """
    abs ceil fabs floor has isinfinite isnan isnormal length not round sqrt toarray trunc type
    """.split()  # noqa: SIM905 - a list of this length is better read as words
)


# Comparing with a scalar of the program, which may be a text.
_COMPARING: Final = 40


def steps_beyond(node: n.Node) -> int | None:
    """Bound the steps beyond one pass through a program; None when they depend on data."""
    todo = [node]
    steps = 0
    while todo:
        node = todo.pop()
        match node:
            case n.Identity() | n.Literal() | n.Variable() | n.Location():
                pass
            case n.Field(target=target) | n.Index(target=target, index=n.Literal(value=int())):
                todo.append(target)
            case n.Pipe(left=left, right=right) | n.Alternative(left=left, right=right):
                todo += (left, right)
            case n.Logic(left=left, right=right):
                todo += (left, right)
            case n.If(condition=condition, yes=yes, no=no):
                todo += (condition, yes, *([no] if no else []))
            case n.Binary(operator=operator, left=left, right=right) if _is_plain(
                operator, left, right
            ):
                todo += (left, right)
                steps += _COMPARING
            case n.Negate(body=body):
                todo.append(body)
            case n.Array(body=n.Comma(items=items)):
                todo += items
                steps += len(items)
            case n.Array(body=n.Node() as body):
                todo.append(body)
                steps += 1
            case n.Object():
                todo += _parts(node)
            case n.Bind(source=source, patterns=[n.VariablePattern()], body=body):
                todo += (source, body)
            case n.Call(name=name, arguments=arguments) if name in _CONSTANT:
                todo += arguments
            case _:
                return None
    return steps


def _is_plain(operator: str, left: n.Node, right: n.Node) -> bool:
    """Tell whether one side keeps the other from being a container that takes long."""
    scalars = [
        side
        for side in (left, right)
        if isinstance(side, n.Literal) and not isinstance(side.value, (list, dict))
    ]
    if operator in ("==", "!=", "<", "<=", ">", ">="):
        return bool(scalars)
    numbers = [side for side in scalars if type(side.value) in (int, float)]
    return operator in ("+", "-", "%") and bool(numbers)
