"""JSON text, read in one pass without recursion, because the standard reader keeps no positions."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from json.decoder import scanstring  # type: ignore[attr-defined] # the C scanner, not in stubs
from typing import Final

from foundation.json import JsonScalar
from workflows.definition.findings import Code
from workflows.definition.syntax.scalars import NumberError, integer, real
from workflows.definition.syntax.tree import Spot, TreeBuilder

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_NOT_A_NUMBER: Final = re.compile(r"NaN|-?Infinity")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_LITERALS: Final[Mapping[str, tuple[str, JsonScalar]]] = {
    "t": ("true", True),
    "f": ("false", False),
    "n": ("null", None),
}


class JsonSyntaxError(ValueError):
    """The text is not JSON; it may still be YAML."""

    def __init__(self, spot: Spot, message: str) -> None:
        super().__init__(message)
        self.spot = spot


class JsonReader:
    """Reads one text into a `TreeBuilder`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines = [0, *(match.end() for match in _LINE_END.finditer(text))]
        self._closers: list[str] = []
        self._tree = TreeBuilder()

    def read(self) -> TreeBuilder:
        """Read everything.

        Raises:
            JsonSyntaxError: When the text is not JSON.
            InvalidDefinitionError: When it is, and breaks one of our bounds.
        """
        self._value()
        while self._closers:
            self._next_part()
        if self._peek():
            raise self._error("There is more text after the end of the JSON document.")
        return self._tree

    def _next_part(self) -> None:
        """Read the next member or element of the open container, or its end."""
        opened = self._text[self._at - 1] in "{["
        closer = self._closers[-1]
        if self._peek() == closer:
            self._at += 1
            self._closers.pop()
            self._tree.close()
            return
        if not opened:
            self._expect(",")
        if closer == "}":
            self._key()
        self._value()

    def _key(self) -> None:
        if self._peek() != '"':
            raise self._error("A key in double quotes was expected here.")
        spot = self._spot()
        self._tree.key(self._string(), spot)
        self._expect(":")

    def _value(self) -> None:
        char = self._peek()
        spot = self._spot()
        if char == "{":
            self._at += 1
            self._tree.open_mapping(spot)
            self._closers.append("}")
        elif char == "[":
            self._at += 1
            self._tree.open_sequence(spot)
            self._closers.append("]")
        elif char == '"':
            self._tree.scalar(self._string(), spot)
        else:
            self._tree.scalar(self._literal(char, spot), spot)

    def _literal(self, char: str, spot: Spot) -> JsonScalar:
        word, value = _LITERALS.get(char, ("", None))
        if word and self._text.startswith(word, self._at):
            self._at += len(word)
            return value
        if match := _NUMBER.match(self._text, self._at):
            self._at = match.end()
            try:
                return real(match[0]) if match[1] or match[2] else integer(match[0])
            except NumberError as error:
                self._tree.note(Code.NUMBER, spot, str(error))
                return 0
        if match := _NOT_A_NUMBER.match(self._text, self._at):
            self._at = match.end()
            self._tree.note(Code.NUMBER, spot, f"{match[0]} is not a number in JSON. Use null.")
            return 0
        raise self._error("A JSON value was expected here.")

    def _string(self) -> str:
        try:
            text, self._at = scanstring(self._text, self._at + 1, True)
        except ValueError as error:
            self._at = getattr(error, "pos", self._at)
            raise self._error(f"{getattr(error, 'msg', error)}.") from error
        return str(text)

    def _expect(self, char: str) -> None:
        if self._peek() != char:
            raise self._error(f"'{char}' was expected here.")
        self._at += 1

    def _peek(self) -> str:
        """Skip white space and return the next character, or nothing at the end."""
        space = _SPACE.match(self._text, self._at)
        if space:
            self._at = space.end()
        return self._text[self._at : self._at + 1]

    def _spot(self) -> Spot:
        line = bisect_right(self._lines, self._at)
        return Spot(line, self._at - self._lines[line - 1] + 1)

    def _error(self, message: str) -> JsonSyntaxError:
        return JsonSyntaxError(self._spot(), message)
