"""Text into tokens. Strings are tokens that hold their parts, interpolated programs included."""

import re
from string import ascii_letters, digits
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
# No groups: a match with ten of them takes twice as long, and the first sign tells as much.
# Whatever nothing else takes is a match of its own, so only blanks lie between two of them.
_TOKEN: Final = re.compile(
    r"""
    [,:;()\[\]{}]
    |\.(?:[A-Za-z_][A-Za-z_0-9]*|\.|[0-9]+(?:[eE][+-]?[0-9]+)?)?
    |[A-Za-z_][A-Za-z_0-9]*(?:::[A-Za-z_][A-Za-z_0-9]*)*
    |[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?
    |\|=?|\?(?://)?|//?=?|[=<>+\-*%]=?|!=
    |\$[A-Za-z_][A-Za-z_0-9]*(?:::[A-Za-z_][A-Za-z_0-9]*)*
    |"(?:[^"\\]*")?
    |@[A-Za-z0-9_]+
    |\#(?:\\(?:\\|\r?\n)|[^\n])*
    |[^ \t\r\n]
    """,
    re.VERBOSE,
)
_OPERATORS: Final = (
    *(",", ":", ";", "(", ")", "[", "]", "{", "}", ".", "..", "|", "?", "?//", "//"),
    *("==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%"),
    *("=", "|=", "+=", "-=", "*=", "/=", "%=", "//="),
)
# Operators and keywords are their own kind.
_KINDS: Final = {text: text for text in (*_OPERATORS, *KEYWORDS)}
_KINDS_BY_SIGN: Final = {
    **dict.fromkeys(f"{ascii_letters}_", "name"),
    **dict.fromkeys(digits, "number"),
    ".": "field",
    "$": "variable",
    '"': "string",
    "@": "format",
    "#": "comment",
}
# Kinds that may be a single sign.
_SHORT: Final = frozenset({"name", "number", "comment"})
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
        parts: Of strings that are more than a plain text, by the position of the token: texts,
            and interpolated programs.
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
    kinds, texts, starts = tokens.kinds, tokens.texts, tokens.starts
    opened = 0
    again = True
    while again:
        again = False
        for found in _TOKEN.finditer(source, position):
            text, start = found[0], found.start()
            kind = _KINDS.get(text)
            if kind is None:
                kind = _kind_of(text)
                if kind == "comment":
                    continue
                if kind == "other":
                    raise Problem(f"'{text}' means nothing here", start)
                if kind == "escaped":
                    tokens.parts[len(kinds)], position = _string(source, start, strings)
                    tokens.add("string", source[start:position], start)
                    again = True
                    break
            if closing:
                if text in "([{":
                    opened += 1
                elif text in ")]}":
                    if not opened and text == closing:
                        return start
                    opened -= 1
            kinds.append(kind)
            texts.append(text)
            starts.append(start)
    return len(source)


def _kind_of(text: str) -> str:
    """Tell the kind of a token that is neither an operator nor a keyword."""
    kind = _KINDS_BY_SIGN.get(text[0], "other")
    if kind == "field" and text[1] in digits:
        return "number"
    if text == '"':
        # Its end is not found so easily.
        return "escaped"
    # A lone `$` or `@`.
    return kind if len(text) > 1 or kind in _SHORT else "other"


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
