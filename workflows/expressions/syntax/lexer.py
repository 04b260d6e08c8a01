"""Text into tokens. Strings are tokens that hold their parts, interpolated programs included."""

import re
from typing import Final

KEYWORDS: Final = frozenset(
    {
        "and",
        "as",
        "break",
        "catch",
        "def",
        "elif",
        "else",
        "end",
        "foreach",
        "if",
        "import",
        "include",
        "label",
        "module",
        "or",
        "reduce",
        "then",
        "try",
    }
)
# Strings in interpolations in strings ...
_MAX_STRINGS: Final = 32
_SPACE: Final = re.compile(r"(?:[ \t\r\n]+|\#(?:\\(?:\\|\r?\n)|[^\n])*)+")
_TOKEN: Final = re.compile(
    r"""
    [ \t\r\n]*
    (?:(?P<field>\.[A-Za-z_][A-Za-z_0-9]*)
    |(?P<name>[A-Za-z_][A-Za-z_0-9]*(?:::[A-Za-z_][A-Za-z_0-9]*)*)
    |(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<op>\?//|//=|\|=|\+=|-=|\*=|/=|%=|==|!=|<=|>=|//|\.\.|[.?=;,:|+\-*/%<>()\[\]{}])
    |(?P<variable>\$[A-Za-z_][A-Za-z_0-9]*(?:::[A-Za-z_][A-Za-z_0-9]*)*)
    |(?P<text>"[^"\\]*")
    |(?P<quote>")
    |(?P<format>@[A-Za-z0-9_]+)
    )""",
    re.VERBOSE,
)
_KINDS: Final = ("", "field", "name", "number", "op", "variable", "string", "string", "format")
_NAME, _OP, _PLAIN, _QUOTE = (_TOKEN.groupindex[name] for name in ("name", "op", "text", "quote"))
_TEXT: Final = re.compile(r'[^"\\]+')
_ESCAPES: Final = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_UNICODE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class Problem(Exception):  # noqa: N818 - becomes an ExpressionSyntaxError with a caret
    """The text is wrong at a place.

    Attributes:
        unknown: It calls a function that is not there.
    """

    unknown = False

    def __init__(self, message: str, start: int, end: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = start + 1 if end is None else end


class Tokens:
    """A sequence of tokens, one list per property: made much faster than an object for each.

    Attributes:
        kinds: `field`, `number`, `name`, `variable`, `string`, `format`, `eof`; operators and
            keywords are their own kind.
        texts: As written.
        starts: Offsets in the source.
        parts: Of strings, by the position of the token: texts, and interpolated programs.
    """

    __slots__ = ("kinds", "parts", "starts", "texts")

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.texts: list[str] = []
        self.starts: list[int] = []
        self.parts: dict[int, list[str | Tokens]] = {}

    def add(self, kind: str, text: str, start: int) -> None:
        """Append one token."""
        self.kinds.append(kind)
        self.texts.append(text)
        self.starts.append(start)


def tokens_of(source: str) -> Tokens:
    """Read a whole program; the last token is of the kind `eof`.

    Raises:
        Problem: Where something is that begins no token.
    """
    tokens = Tokens()
    position = _read(source, 0, "", tokens, 0)
    tokens.add("eof", "", position)
    return tokens


def end_of_program(source: str, start: int) -> int:
    """Find the `}` that ends a program which begins at `start`, as in `${ ... }` within a text.

    Returns:
        Its position, or -1 when there is none.

    Raises:
        Problem: Where something is that begins no token.
    """
    position = _read(source, start, "}", Tokens(), 0)
    return position if position < len(source) else -1


def _read(source: str, position: int, closing: str, tokens: Tokens, strings: int) -> int:
    """Read tokens up to an unmatched `closing`, or to the end of the text."""
    kinds, texts, starts = tokens.kinds.append, tokens.texts.append, tokens.starts.append
    opened = 0
    match = _TOKEN.match
    before = -1
    while position != before:
        before = position
        # Not `finditer`: it searches on from every blank, which takes quadratic time.
        while (found := match(source, position)) is not None:
            group = found.lastindex or 0
            start, position = found.span(group)
            text = source[start:position]
            if group == _OP:
                kinds(text)
                texts(text)
                starts(start)
                if closing:
                    if text in "([{":
                        opened += 1
                    elif text in ")]}":
                        if not opened and text == closing:
                            del tokens.kinds[-1], tokens.texts[-1], tokens.starts[-1]
                            return start
                        opened -= 1
                continue
            kind = _KINDS[group]
            if group == _NAME:
                if text in KEYWORDS:
                    kind = text
            elif group == _PLAIN:
                tokens.parts[len(tokens.kinds)] = [text[1:-1]]
            elif group == _QUOTE:
                parts, position = _string(source, start, strings)
                tokens.parts[len(tokens.kinds)] = parts
                tokens.add("string", source[start:position], start)
                break
            kinds(kind)
            texts(text)
            starts(start)
        space = _SPACE.match(source, position)
        if space is not None:
            position = space.end()
    if position < len(source):
        raise Problem(f"'{source[position]}' means nothing here", position)
    return position


def _string(source: str, start: int, strings: int) -> tuple[list[str | Tokens], int]:
    """Read a string with escapes or interpolations, which begins at `start`."""
    if strings >= _MAX_STRINGS:
        raise Problem("Strings are nested too deeply", start)
    parts: list[str | Tokens] = []
    text = ""
    position = start + 1
    while position < len(source):
        sign = source[position]
        if sign == '"':
            if text or not parts:
                parts.append(_whole(text))
            return parts, position + 1
        if sign != "\\":
            found = _TEXT.match(source, position)
            assert found is not None  # noqa: S101 - neither quote nor backslash
            text += found.group()
            position = found.end()
        elif source.startswith("\\(", position):
            if text:
                parts.append(_whole(text))
                text = ""
            inner = Tokens()
            end = _read(source, position + 2, ")", inner, strings + 1)
            if end >= len(source):
                raise Problem("This interpolation has no ')'", position, position + 2)
            inner.add("eof", ")", end)
            parts.append(inner)
            position = end + 1
        else:
            escaped, position = _escape(source, position)
            text += escaped
    raise Problem("This string has no end", start)


def _escape(source: str, position: int) -> tuple[str, int]:
    sign = source[position + 1 : position + 2]
    if sign in _ESCAPES:
        return _ESCAPES[sign], position + 2
    found = _UNICODE.match(source, position)
    if found is None:
        raise Problem(
            f"'\\{sign}' is no escape; there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX",
            position,
            position + 2,
        )
    return chr(int(found.group(1), 16)), found.end()


def _whole(text: str) -> str:
    """Join surrogate pairs; half of one is no character and becomes U+FFFD, as in jq."""
    if _SURROGATES.search(text) is None:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
