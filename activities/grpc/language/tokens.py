"""Words, numbers, texts and signs of a `.proto` file."""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, NoReturn, TypeAlias, cast

from activities.grpc.errors import ProtoError

Kind: TypeAlias = Literal["word", "number", "text", "sign", "end"]

_TOKEN: Final = re.compile(
    r"""
      (?P<space> \s+ | //[^\n]* | /\*.*?\*/ )
    | (?P<word> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<number> 0[xX][0-9a-fA-F]+ | (?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]? )
    | (?P<text> "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' )
    | (?P<sign> [-+{}\[\]()<>=;,.:] | /(?!\*) )
    """,
    re.VERBOSE | re.DOTALL,
)
_SHOWN_CHARS: Final = 40


class Token(NamedTuple):
    """One of them, and where it begins."""

    kind: Kind
    text: str
    position: int


class Source:
    """The text of one file.

    Attributes:
        name: What the messages call it: its address.
    """

    def __init__(self, text: str, name: str) -> None:
        self.text = text.removeprefix("\ufeff")
        self.name = name

    def tokens(self) -> Iterator[Token]:
        """Yield all tokens, and then the end for ever.

        Raises:
            ProtoError: At something that is no token.
        """
        position = 0
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            if match is None:
                self.fail(position, f"'{self._shown(position)}' cannot be read")
            if match.lastgroup != "space":
                yield Token(cast(Kind, match.lastgroup), match.group(), position)
            position = match.end()
        while True:
            yield Token("end", "the end of the file", position)

    def fail(self, position: int, what: str) -> NoReturn:
        """Say what is wrong, and in which line.

        Raises:
            ProtoError: Always.
        """
        line = self.text.count("\n", 0, position) + 1
        raise ProtoError(f"{self.name}, line {line}: {what}.")

    def _shown(self, position: int) -> str:
        return self.text[position : position + _SHOWN_CHARS].partition("\n")[0]
