"""A place in the tokens of a file, and the pieces that all statements are made of."""

from typing import Final, NoReturn

from activities.grpc.language.tokens import Source, Token

_OPENING: Final = frozenset("{[(<")
_CLOSING: Final = frozenset("}])>")


class Cursor:
    """Reads forward, one token at a time."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tokens = source.tokens()
        self.next: Token = next(self._tokens)

    def take(self) -> Token:
        """Return the next token and go past it."""
        taken, self.next = self.next, next(self._tokens)
        return taken

    def taken(self, text: str) -> bool:
        """Go past a sign or word if it comes next."""
        if self.next.text != text or self.next.kind == "text":
            return False
        self.take()
        return True

    def expect(self, text: str) -> None:
        """Go past a sign or word that has to come next.

        Raises:
            ProtoError: When it does not.
        """
        if not self.taken(text):
            self.fail(f"'{text}' is missing before '{self.next.text[:40]}'")

    def word(self) -> str:
        """Return the name that has to come next."""
        if self.next.kind != "word":
            self.fail(f"'{self.next.text[:40]}' stands where a name belongs")
        return self.take().text

    def dotted(self) -> str:
        """Return a name with dots, also with one in front."""
        name = "." if self.taken(".") else ""
        name += self.word()
        while self.taken("."):
            name += f".{self.word()}"
        return name

    def number(self) -> int:
        """Return a whole number."""
        negative = self.taken("-")
        token = self.take()
        try:
            if token.kind != "number":
                raise ValueError  # noqa: TRY301 - said below, for both
            octal = len(token.text) > 1 and token.text.isdigit() and token.text[0] == "0"
            number = int(token.text, 8 if octal else 0)
        except ValueError:
            self.fail(f"'{token.text[:40]}' stands where a whole number belongs", token)
        return -number if negative else number

    def text(self) -> str:
        """Return a text in quotes; names and paths need no escapes, and none is read."""
        if self.next.kind != "text":
            self.fail(f"'{self.next.text[:40]}' stands where a text in quotes belongs")
        return self.take().text[1:-1]

    def option(self) -> tuple[str, str]:
        """Read `name = value`; of a value in braces only that it is there."""
        name = self._option_name()
        self.expect("=")
        if self.next.text == "{":
            self.skip_block()
            return name, "{}"
        value = self.take().text if self.next.text in {"-", "+"} else ""
        if self.next.kind not in {"word", "number", "text"}:
            self.fail(f"'{self.next.text[:40]}' is no value of the option '{name}'")
        value += self.take().text
        while self.next.kind == "text":
            self.take()
        return name, value

    def _option_name(self) -> str:
        parts = []
        while True:
            if self.taken("("):
                parts.append(f"({self.dotted()})")
                self.expect(")")
            else:
                parts.append(self.word())
            if not self.taken("."):
                return ".".join(parts)

    def skip_statement(self) -> None:
        """Go past everything up to the semicolon that ends this statement."""
        while not self.taken(";"):
            if self.next.text in _OPENING and self.next.kind == "sign":
                self.skip_block()
            elif self.next.kind == "end" or self.next.text in _CLOSING:
                self.expect(";")
            else:
                self.take()

    def skip_block(self) -> None:
        """Go past a bracket and its counterpart, however deep it is in between."""
        start, depth = self.next, 0
        while True:
            token = self.take()
            if token.kind == "end":
                self.fail(f"'{start.text}' is never closed", start)
            if token.kind == "sign":
                depth += (token.text in _OPENING) - (token.text in _CLOSING)
            if depth == 0:
                return

    def fail(self, what: str, token: Token | None = None) -> NoReturn:
        """Say what is wrong at a token, or at the next one.

        Raises:
            ProtoError: Always.
        """
        self._source.fail((token or self.next).position, what)
