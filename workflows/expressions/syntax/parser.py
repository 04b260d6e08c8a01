"""Tokens into a tree, by precedence climbing; the grammar is that of jq 1.8.

From loose to tight: `|`, `,`, `//`, assignments, `or`, `and`, comparisons, `+ -`, `* / %`, terms.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from workflows.expressions.errors import Value
from workflows.expressions.syntax import nodes as n
from workflows.expressions.syntax.lexer import KEYWORDS, Problem, Tokens, tokens_of
from workflows.expressions.values import number, to_double

# How deep brackets may be nested. Beyond, a reader of the program is lost, too.
MAX_DEPTH: Final = 128
_LEFT, _RIGHT, _NONE = 0, 1, 2
_UPDATES: Final = ("=", "|=", "+=", "-=", "*=", "/=", "%=", "//=")
_COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=")
_Make: TypeAlias = Callable[[int, int, str, n.Node, n.Node], n.Node]
# Operator -> how tightly it binds, to which side, and what it makes.
_BINDING: Final[dict[str, tuple[int, int, _Make]]] = {
    "//": (
        1,
        _RIGHT,
        lambda start, end, _sign, left, right: n.Alternative(start, end, left, right),
    ),
    **dict.fromkeys(_UPDATES, (2, _NONE, n.Update)),
    "or": (3, _LEFT, n.Logic),
    "and": (4, _LEFT, n.Logic),
    **dict.fromkeys(_COMPARISONS, (5, _NONE, n.Binary)),
    **dict.fromkeys(("+", "-"), (6, _LEFT, n.Binary)),
    **dict.fromkeys(("*", "/", "%"), (7, _LEFT, n.Binary)),
}
_CONSTANTS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None}
_MAX_DIGITS: Final = 400
_TO_THE_END: Final = frozenset({"def", "label"})
_JOINING: Final = frozenset({"|", ",", "as"})
_HERE: Final = n.Identity(0, 0)
_WORDS: Final = frozenset({"name", "variable"})


def parse(source: str, *, nowhere: bool = False) -> n.Node:
    """Parse a whole program.

    Args:
        source: Its text.
        nowhere: The nodes stand at no place that an author would know: `start` is negative.

    Raises:
        Problem: Where it is wrong.
    """
    tokens = tokens_of(source)
    if nowhere:
        tokens.starts = [-1] * len(tokens.kinds)
    return _Parser(source, tokens).program()


class _Parser:
    """One pass over the tokens of one program."""

    __slots__ = ("depth", "kind", "kinds", "position", "source", "starts", "texts", "tokens")

    def __init__(self, source: str, tokens: Tokens, depth: int = 0) -> None:
        self.source = source
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.starts = tokens.starts
        self.texts = tokens.texts
        self.position = 0
        self.kind = tokens.kinds[0]
        self.depth = depth

    # Moving along: `kind` is that of the next token, which has not been taken yet.

    def advance(self) -> int:
        """Take a token, which is not the end; return its position."""
        position = self.position
        self.position = following = position + 1
        self.kind = self.kinds[following]
        return position

    def take(self) -> str:
        """Take a token; return its text."""
        return self.texts[self.advance()]

    @property
    def start(self) -> int:
        """Where the next token starts."""
        return self.starts[self.position]

    @property
    def end(self) -> int:
        """Where the last token ended."""
        last = self.position - 1
        return self.starts[last] + len(self.texts[last])

    def expect(self, kind: str) -> str:
        if self.kind != kind:
            raise self.unexpected(f"'{kind}'" if kind not in _WORDS else f"a {kind}")
        return self.texts[self.advance()]

    def accept(self, kind: str) -> bool:
        if self.kind != kind:
            return False
        # Nobody accepts the end, so there is a next one.
        self.position = following = self.position + 1
        self.kind = self.kinds[following]
        return True

    def unexpected(self, wanted: str = "") -> Problem:
        at = self.position
        text = self.texts[at]
        what = f"'{text[:20]}'" if text else "the end"
        hint = f"; {wanted} is expected" if wanted else ""
        return Problem(f"{what} is not expected here{hint}", self.start, self.start + len(text))

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_deep()

    def too_deep(self) -> Problem:
        return Problem("The expression is nested too deeply", self.start)

    # Programs

    def program(self) -> n.Node:
        if self.kind == "eof":
            raise Problem("The expression is empty; write '.' for the input", 0, 1)
        if self.kind in ("import", "include", "module"):
            raise Problem(
                f"'{self.kind}' is not available: there are no modules. Define what you need with "
                "'def', or use a function of the workflow",
                self.start,
            )
        tree = self.pipe()
        if self.kind != "eof":
            raise self.unexpected()
        return tree

    def pipe(self) -> n.Node:
        """Parse a whole query; `as`, `label` and `def` reach to its end."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.too_deep()
        if self.kind in _TO_THE_END:
            result = self.define() if self.kind == "def" else self.label()
        else:
            start = self.starts[self.position]
            result = self.expression(1)
            if self.kind in _JOINING:
                result = self.piped(start, result)
        self.depth -= 1
        return result

    def piped(self, start: int, source: n.Node) -> n.Node:
        """Parse what follows the first expression of a query."""
        stages = [self.comma(source)]
        while self.kind == "|":
            self.advance()
            if self.kind in _TO_THE_END:
                stages.append(self.pipe())
                break
            stages.append(self.comma(self.expression(1)))
        result = stages.pop()
        while stages:
            result = n.Pipe(start, result.end, stages.pop(), result)
        return result

    def comma(self, source: n.Node) -> n.Node:
        first = self.operand(source)
        if self.kind != ",":
            return first
        items = [first]
        while self.accept(","):
            items.append(
                self.pipe() if self.kind in _TO_THE_END else self.operand(self.expression(1))
            )
        return n.Comma(first.start, items[-1].end, items)

    def operand(self, source: n.Node) -> n.Node:
        """Parse a binding if one follows an expression."""
        if self.kind != "as":
            return source
        self.advance()
        patterns = self.patterns()
        self.expect("|")
        body = self.pipe()
        return n.Bind(source.start, body.end, source, patterns, body)

    def define(self) -> n.Node:
        start = self.start
        self.advance()
        name = self.expect("name")
        parameters: list[str] = []
        if self.accept("("):
            parameters.append(self.parameter())
            while self.accept(";"):
                parameters.append(self.parameter())
            self.expect(")")
        self.expect(":")
        body = self.pipe()
        self.expect(";")
        end = self.end
        rest = n.Identity(end, end) if self.kind in ("eof", ")") else self.pipe()
        return n.Define(start, rest.end, name, parameters, body, rest)

    def parameter(self) -> str:
        if self.kind == "variable":
            return self.take()
        return self.expect("name")

    def label(self) -> n.Node:
        start = self.start
        self.advance()
        name = self.expect("variable")[1:]
        self.expect("|")
        body = self.pipe()
        return n.Label(start, body.end, name, body)

    # Expressions

    def expression(self, tightness: int) -> n.Node:
        left = self.term()
        while True:
            binding = _BINDING.get(self.kind)
            if binding is None or binding[0] < tightness:
                return left
            level, side, make = binding
            operator = self.texts[self.advance()]
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise self.too_deep()
            right = self.expression(level if side == _RIGHT else level + 1)
            self.depth -= 1
            left = make(left.start, right.end, operator, left, right)
            if side == _NONE and (again := _BINDING.get(self.kind)) and again[0] == level:
                raise self.unexpected("an operator that can follow, or parentheses")

    def term(self) -> n.Node:
        make = _TERMS.get(self.kind)
        if make is None:
            raise self.unexpected("a value")
        first = self.kind
        term = make(self)
        if self.kind not in _POSTFIXES:
            return term
        # `?` behind a step is for that step alone; behind anything else, for all of it.
        is_step = first in _STEPS
        while self.kind in _POSTFIXES:
            if self.kind == "?" and is_step:
                self.advance()
                term = _optional(term, self.end)
                is_step = False
            else:
                is_step = self.kind != "?"
                term = self.postfix(term)
        return term

    def postfix(self, target: n.Node) -> n.Node:
        kind = self.kind
        text = self.take()
        if kind == "field":
            return n.Field(target.start, self.end, target, text[1:])
        if kind == "?":
            return n.Try(target.start, self.end, target, None)
        if kind == "[":
            return self.brackets(target)
        if self.kind == "string":
            return _indexed(target, self.string(None))
        if self.accept("["):
            return self.brackets(target)
        raise self.unexpected("a name or '['")

    def brackets(self, target: n.Node) -> n.Node:
        """Parse what follows `[` behind a term."""
        if self.kind == "]":
            self.advance()
            return n.Iterate(target.start, self.end, target)
        if self.accept(":"):
            high = self.pipe()
            self.expect("]")
            return n.Slice(target.start, self.end, target, None, high)
        low = self.pipe()
        if self.accept(":"):
            rest = None if self.kind == "]" else self.pipe()
            self.expect("]")
            return n.Slice(target.start, self.end, target, low, rest)
        self.expect("]")
        return _indexed(target, low, self.end)

    # Terms

    def dot(self) -> n.Node:
        start = self.starts[self.advance()]
        here = n.Identity(start, start + 1)
        if self.kind == "string":
            return _indexed(here, self.string(None))
        return here

    def field(self) -> n.Node:
        position = self.advance()
        start, name = self.starts[position], self.texts[position]
        return n.Field(start, start + len(name), _HERE, name[1:])

    def recurse(self) -> n.Node:
        self.advance()
        return n.RecurseDefault(self.end - 2, self.end)

    def number(self) -> n.Node:
        position = self.advance()
        start, text = self.starts[position], self.texts[position]
        end = start + len(text)
        if len(text) > _MAX_DIGITS:
            raise Problem("This number has too many digits", start, end)
        return n.Literal(start, end, _number(text))

    def format(self) -> n.Node:
        start = self.start
        name = self.take()[1:]
        if self.kind == "string":
            text = self.string(name)
            text.start = start
            return text
        return n.Format(start, self.end, name)

    def plain_string(self) -> n.Node:
        return self.string(None)

    def string(self, format_name: str | None) -> n.Node:
        start = self.start
        position = self.advance()
        parts = self.tokens.parts.get(position)
        if parts is None:
            return n.Literal(start, self.end, self.texts[position][1:-1])
        if len(parts) == 1 and isinstance(parts[0], str):
            return n.Literal(start, self.end, parts[0])
        made: list[str | n.Node] = [
            part if isinstance(part, str) else self.interpolated(part) for part in parts
        ]
        return n.Text(start, self.end, made, format_name)

    def interpolated(self, tokens: Tokens) -> n.Node:
        inner = _Parser(self.source, tokens, self.depth)
        tree = inner.pipe()
        if inner.kind != "eof":
            raise inner.unexpected("')'")
        return tree

    def name(self) -> n.Node:
        position = self.advance()
        start, name = self.starts[position], self.texts[position]
        end = start + len(name)
        if "::" in name:
            message = f"'{name}' names a module, and there are none. Define it with 'def'"
            raise Problem(message, start, end)
        if self.kind != "(":
            if name in _CONSTANTS:
                return n.Literal(start, end, _CONSTANTS[name])
            return n.Call(start, end, name, [])
        self.advance()
        arguments = [self.pipe()]
        while self.accept(";"):
            arguments.append(self.pipe())
        self.expect(")")
        return n.Call(start, self.end, name, arguments)

    def variable(self) -> n.Node:
        start = self.start
        name = self.take()[1:]
        if name == "__loc__":
            return n.Location(start, self.end, self.source.count("\n", 0, start) + 1)
        if "::" in name:
            message = f"'${name}' is of a module, and there are none. Bind it with 'as'"
            raise Problem(message, start, self.end)
        return n.Variable(start, self.end, name)

    def break_out(self) -> n.Node:
        start = self.start
        self.advance()
        if self.kind != "variable":
            raise self.unexpected("the $label to break to")
        name = self.take()[1:]
        return n.BreakOut(start, self.end, name)

    def negate(self) -> n.Node:
        start = self.start
        self.advance()
        self.deeper()
        body = self.term()
        self.depth -= 1
        if isinstance(body, n.Literal) and type(body.value) in (int, float):
            return n.Literal(start, body.end, -body.value)
        return n.Negate(start, body.end, body)

    def group(self) -> n.Node:
        self.advance()
        inner = self.pipe()
        self.expect(")")
        return inner

    def array(self) -> n.Node:
        start = self.start
        self.advance()
        if self.accept("]"):
            return n.Literal(start, self.end, [])
        body = self.pipe()
        self.expect("]")
        end = self.end
        items = body.items if type(body) is n.Comma else [body]
        values = [item.value for item in items if type(item) is n.Literal]
        if len(values) == len(items):
            return n.Literal(start, end, values)
        return n.Array(start, end, body)

    def conditional(self) -> n.Node:
        start = self.start
        self.advance()
        condition = self.pipe()
        self.expect("then")
        yes = self.pipe()
        if self.kind == "elif":
            self.deeper()
            no: n.Node | None = self.conditional()
            self.depth -= 1
        else:
            no = self.pipe() if self.accept("else") else None
            self.expect("end")
        return n.If(start, self.end, condition, yes, no)

    def attempt(self) -> n.Node:
        start = self.start
        self.advance()
        self.deeper()
        body = self.term()
        handler = self.term() if self.accept("catch") else None
        self.depth -= 1
        return n.Try(start, (handler or body).end, body, handler)

    def reduce(self) -> n.Node:
        start, source, patterns = self.loop_head()
        initial = self.pipe()
        self.expect(";")
        update = self.pipe()
        self.expect(")")
        return n.Reduce(start, self.end, source, patterns, initial, update)

    def foreach(self) -> n.Node:
        start, source, patterns = self.loop_head()
        initial = self.pipe()
        self.expect(";")
        update = self.pipe()
        extract = self.pipe() if self.accept(";") else None
        self.expect(")")
        return n.Foreach(start, self.end, source, patterns, initial, update, extract)

    def loop_head(self) -> tuple[int, n.Node, list[n.Pattern]]:
        start = self.start
        self.advance()
        source = self.expression(1)
        self.expect("as")
        patterns = self.patterns()
        self.expect("(")
        return start, source, patterns

    # Patterns

    def patterns(self) -> list[n.Pattern]:
        patterns = [self.pattern()]
        while self.accept("?//"):
            patterns.append(self.pattern())
        return patterns

    def pattern(self) -> n.Pattern:
        self.deeper()
        start = self.start
        if self.kind == "variable":
            made: n.Pattern = n.VariablePattern(self.take()[1:])
        elif self.accept("["):
            items = [self.pattern()]
            while self.accept(","):
                items.append(self.pattern())
            self.expect("]")
            made = n.ArrayPattern(items, start, self.end)
        elif self.accept("{"):
            entries = [self.pattern_entry()]
            while self.accept(","):
                entries.append(self.pattern_entry())
            self.expect("}")
            made = n.ObjectPattern(entries, start, self.end)
        else:
            raise self.unexpected("a variable, '[' or '{'")
        self.depth -= 1
        return made

    def pattern_entry(self) -> tuple[n.Node, str | None, n.Pattern | None]:
        if self.kind == "variable":
            start = self.start
            name = self.take()[1:]
            key: n.Node = n.Literal(start, self.end, name)
            return key, name, self.pattern() if self.accept(":") else None
        key = self.key()
        self.expect(":")
        return key, None, self.pattern()

    def key(self) -> n.Node:
        """Parse a key that stands in braces: a name, a keyword, a string or `(program)`."""
        if self.kind == "name" or self.kind in KEYWORDS:
            position = self.advance()
            start, name = self.starts[position], self.texts[position]
            return n.Literal(start, start + len(name), name)
        if self.kind == "string":
            return self.string(None)
        if self.kind == "format":
            formatted = self.format()
            if not isinstance(formatted, n.Format):
                return formatted
            raise Problem("A string is expected behind a format", formatted.start, formatted.end)
        if self.kind != "(":
            raise self.unexpected("a key; any other than a name or text needs parentheses")
        key = self.group()
        if isinstance(key, n.Literal) and not isinstance(key.value, str):
            raise Problem("A key must be a text", key.start, key.end)
        return key

    # Objects

    def object(self) -> n.Node:
        start = self.start
        self.advance()
        entries: list[tuple[n.Node, n.Node]] = []
        while self.kind != "}":
            entries.append(self.entry())
            if not self.accept(","):
                break
        self.expect("}")
        end = self.end
        values = [
            (key.value, value.value)
            for key, value in entries
            if type(value) is n.Literal and type(key) is n.Literal
        ]
        if len(values) == len(entries):
            return n.Literal(start, end, dict(values))
        return n.Object(start, end, entries)

    def entry(self) -> tuple[n.Node, n.Node]:
        if self.kind == "variable":
            made = self.variable()
            if self.accept(":"):
                return made, self.entry_value()
            name = made.name if isinstance(made, n.Variable) else "__loc__"
            return n.Literal(made.start, made.end, name), made
        needs_value = self.kind == "("
        key = self.key()
        if self.accept(":"):
            return key, self.entry_value()
        if needs_value:
            raise self.unexpected("':'")
        return key, _indexed(n.Identity(key.start, key.start), key)

    def entry_value(self) -> n.Node:
        """Parse a value in braces: pipes may stand there, commas may not."""
        value = self.expression(1)
        if not self.accept("|"):
            return value
        self.deeper()
        rest = self.entry_value()
        self.depth -= 1
        return n.Pipe(value.start, rest.end, value, rest)


_TERMS: Final[dict[str, Callable[[_Parser], n.Node]]] = {
    ".": _Parser.dot,
    "field": _Parser.field,
    "..": _Parser.recurse,
    "number": _Parser.number,
    "string": _Parser.plain_string,
    "format": _Parser.format,
    "name": _Parser.name,
    "variable": _Parser.variable,
    "break": _Parser.break_out,
    "-": _Parser.negate,
    "(": _Parser.group,
    "[": _Parser.array,
    "{": _Parser.object,
    "if": _Parser.conditional,
    "try": _Parser.attempt,
    "reduce": _Parser.reduce,
    "foreach": _Parser.foreach,
}
_STEPS: Final = frozenset({"field", "."})
# No program can bind a name with a blank in it.
_KEY: Final = "the key"
_POSTFIXES: Final = frozenset({"field", "[", "?", "."})


def _optional(step: n.Node, end: int) -> n.Node:
    """Make `target.step?`: what fails in the target still fails."""
    start = step.start
    match step:
        case n.Field(target=target, name=name):
            inner: n.Node = n.Field(start, end, _HERE, name)
        case n.Index(target=target, index=n.Literal() as index):
            inner = n.Index(start, end, _HERE, index)
        case n.Iterate(target=target):
            inner = n.Iterate(start, end, _HERE)
        case n.Slice(target=target) if _is_literal(step.low) and _is_literal(step.high):
            inner = n.Slice(start, end, _HERE, step.low, step.high)
        case n.Index(target=target, index=index):
            # The index is evaluated where the whole term is, and before its target.
            key = n.Variable(start, end, _KEY)
            attempt = n.Try(start, end, n.Index(start, end, _HERE, key), None)
            rest = n.Pipe(start, end, target, attempt)
            return n.Bind(start, end, index, [n.VariablePattern(_KEY)], rest)
        case _:
            return n.Try(start, end, step, None)
    attempt = n.Try(start, end, inner, None)
    return attempt if type(target) is n.Identity else n.Pipe(start, end, target, attempt)


def _is_literal(node: n.Node | None) -> bool:
    return node is None or isinstance(node, n.Literal)


def _indexed(target: n.Node, index: n.Node, end: int | None = None) -> n.Node:
    """Make `target[index]`; a constant text is a field."""
    stop = index.end if end is None else end
    if isinstance(index, n.Literal) and isinstance(index.value, str):
        return n.Field(target.start, stop, target, index.value)
    return n.Index(target.start, stop, target, index)


def _number(text: str) -> Value:
    if text.isdecimal():
        return number(int(text))
    return to_double(float(text))
