"""The tree of a program. Every node knows where it stands in the source."""

from dataclasses import dataclass, field
from typing import TypeAlias

from workflows.expressions.errors import Value


@dataclass(slots=True, eq=False)
class Node:
    """Any part of a program; `start` and `end` are offsets in its source."""

    start: int
    end: int


@dataclass(slots=True, eq=False)
class Identity(Node):
    """`.`"""


@dataclass(slots=True, eq=False)
class RecurseDefault(Node):
    """`..`"""


@dataclass(slots=True, eq=False)
class Literal(Node):
    """A number, a text, true, false, null, or an array or object made of such."""

    value: Value


@dataclass(slots=True, eq=False)
class Field(Node):
    """`target.name`"""

    target: Node
    name: str


@dataclass(slots=True, eq=False)
class Index(Node):
    """`target[index]`; the index is evaluated where the whole term is."""

    target: Node
    index: Node


@dataclass(slots=True, eq=False)
class Slice(Node):
    """`target[low:high]`"""

    target: Node
    low: Node | None
    high: Node | None


@dataclass(slots=True, eq=False)
class Iterate(Node):
    """`target[]`"""

    target: Node


@dataclass(slots=True, eq=False)
class Text(Node):
    """A string with programs in it, with a format or without."""

    parts: list["str | Node"]
    format: str | None


@dataclass(slots=True, eq=False)
class Format(Node):
    """`@base64`"""

    name: str


@dataclass(slots=True, eq=False)
class Array(Node):
    """`[body]`"""

    body: Node | None


@dataclass(slots=True, eq=False)
class Object(Node):
    """`{key: value, ...}`"""

    entries: list[tuple[Node, Node]]


@dataclass(slots=True, eq=False)
class Negate(Node):
    """`-body`"""

    body: Node


@dataclass(slots=True, eq=False)
class Pipe(Node):
    """`left | right`"""

    left: Node
    right: Node


@dataclass(slots=True, eq=False)
class Comma(Node):
    """`a, b, c`"""

    items: list[Node]


@dataclass(slots=True, eq=False)
class Binary(Node):
    """Arithmetic and comparison."""

    operator: str
    left: Node
    right: Node


@dataclass(slots=True, eq=False)
class Logic(Node):
    """`left and right`, `left or right`"""

    operator: str
    left: Node
    right: Node


@dataclass(slots=True, eq=False)
class Alternative(Node):
    """`left // right`"""

    left: Node
    right: Node


@dataclass(slots=True, eq=False)
class Update(Node):
    """`=`, `|=`, `+=` and so on."""

    operator: str
    left: Node
    right: Node


@dataclass(slots=True, eq=False)
class If(Node):
    """`if condition then yes else no end`; without `else` the input passes."""

    condition: Node
    yes: Node
    no: Node | None


@dataclass(slots=True, eq=False)
class Try(Node):
    """`try body catch handler`, and `body?` without a handler."""

    body: Node
    handler: Node | None


@dataclass(slots=True, eq=False)
class VariablePattern:
    """`$name`"""

    name: str


@dataclass(slots=True, eq=False)
class ArrayPattern:
    """`[pattern, ...]`"""

    items: list["Pattern"]
    start: int
    end: int


@dataclass(slots=True, eq=False)
class ObjectPattern:
    """`{key: pattern, ...}`; an entry may bind the value itself and take it apart, too."""

    entries: list[tuple[Node, str | None, "Pattern | None"]]
    start: int
    end: int


Pattern: TypeAlias = VariablePattern | ArrayPattern | ObjectPattern


@dataclass(slots=True, eq=False)
class Bind(Node):
    """`source as pattern ?// pattern | body`"""

    source: Node
    patterns: list[Pattern]
    body: Node


@dataclass(slots=True, eq=False)
class Reduce(Node):
    """`reduce source as pattern (initial; update)`"""

    source: Node
    patterns: list[Pattern]
    initial: Node
    update: Node


@dataclass(slots=True, eq=False)
class Foreach(Node):
    """`foreach source as pattern (initial; update; extract)`"""

    source: Node
    patterns: list[Pattern]
    initial: Node
    update: Node
    extract: Node | None


@dataclass(slots=True, eq=False)
class Label(Node):
    """`label $name | body`"""

    name: str
    body: Node


@dataclass(slots=True, eq=False)
class BreakOut(Node):
    """`break $name`"""

    name: str


@dataclass(slots=True, eq=False)
class Define(Node):
    """`def name(parameters): body; rest`; a parameter that begins with `$` is a value."""

    name: str
    parameters: list[str]
    body: Node
    rest: Node


@dataclass(slots=True, eq=False)
class Call(Node):
    """`name(argument; ...)`"""

    name: str
    arguments: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Variable(Node):
    """`$name`; `local` when the program itself binds it, which the compiler finds out."""

    name: str
    local: bool = False


@dataclass(slots=True, eq=False)
class Location(Node):
    """`$__loc__`"""

    line: int
