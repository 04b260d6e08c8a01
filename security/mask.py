"""Hides secrets in what comes back, however they are spelled there."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from foundation.json import JsonObject, JsonValue
from security.spellings import (
    MARKS,
    MIN_CHARS,
    folded,
    in_base64,
    in_lines,
    is_broken,
    joined,
    layers,
    needles,
    numbers,
    plain,
    readings,
    spellings,
    whole_letters,
)

HIDDEN: Final = "***"
MIN_HIDDEN_CHARS: Final = MIN_CHARS
# Hosts whose names are not ASCII are spelled with such a mark, and nothing can be read there.
_PUNYCODE: Final = "xn--"
_MAX_LABEL: Final = 63
_HOST: Final = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)
_MARKS: Final = tuple(mark.encode() for mark in MARKS)
# As much of a secret tells more than half of it, or enough to guess what it is.
_TELLING_CHARS: Final = 8
# What people put where they have cut something off.
_CUT_OFF: Final = " .…\"'"


class Mask:
    """Hides texts, however they may be spelled.

    Args:
        word: What stands in their place.
    """

    def __init__(self, word: str = HIDDEN) -> None:
        self._word = word
        self._spellings: list[str] = []
        self._needles: set[bytes] = set()
        self._in_base64: set[bytes] = set()
        self._folded: set[str] = set()
        self._numbers: set[int | float] = set()
        self._shortest = 0

    @property
    def is_empty(self) -> bool:
        """Whether it hides nothing."""
        return not self._spellings

    def hide(self, texts: Collection[str]) -> None:
        """Hide these, too."""
        known = {each for text in texts for each in spellings(text)}.union(self._spellings)
        # The longest first: one may be part of another.
        self._spellings = sorted(known, key=lambda each: (-len(each), each))
        self._folded.update(folded(text) for text in texts if len(text) >= MIN_HIDDEN_CHARS)
        for text in texts:
            self._needles.update(needles(text))
            self._numbers.update(numbers(text))
            self._in_base64.update(each.encode() for each in in_base64(text))
        lengths = [len(each) for each in (*self._spellings, *self._needles)]
        self._shortest = min(lengths, default=0)

    def text(self, text: str) -> str:
        """Return the text without them."""
        if len(text) < self._shortest:  # most texts of a large table
            return text
        for spelling in self._spellings:
            text = text.replace(spelling, self._word)
        if self._spellings and (any(mark in text for mark in MARKS) or is_broken(text)):
            encoded = text.encode(errors="surrogatepass")
            hidden = self._without_encoded(encoded, of_letters=True)
            text = text if hidden == encoded else hidden.decode(errors="surrogatepass")
        return self._without_hosts(text)

    def cut_text(self, text: str) -> str:
        """Return a text without them that is a part of another one: they, too, may be cut.

        For messages only: ordinary words may begin like a secret.
        """
        text = self.text(text)
        for spelling in self._spellings:
            needed = max(MIN_HIDDEN_CHARS, min(len(spelling) // 2, _TELLING_CHARS))
            text = self._without_ends(text, spelling, needed)
        return text

    def data(self, data: bytes) -> bytes:
        """Return data without them: in base64 they could not be found any more."""
        for spelling in self._spellings:
            data = data.replace(spelling.encode(errors="replace"), self._word.encode())
        if self._spellings and (any(mark in data for mark in _MARKS) or in_lines(data)):
            data = self._without_encoded(data)
        # One byte is one character here, so nothing else of them changes.
        return self._without_hosts(data.decode("latin-1")).encode("latin-1")

    def value(self, value: JsonValue) -> JsonValue:
        """Return the value without them, names of members included."""
        if self.is_empty:
            return value
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                return self.members(value)
            case int() | float() if abs(value) in self._numbers:
                return self._word
            case _:
                return value

    def members(self, value: JsonObject) -> JsonObject:
        """Return an object without them."""
        if self.is_empty:
            return value
        return {self.text(name): self.value(item) for name, item in value.items()}

    def _without_encoded(self, data: bytes, *, of_letters: bool = False) -> bytes:
        """Hide what stands in data encoded, wholly or in part.

        Args:
            of_letters: The data is a text. A secret that is read as bytes may begin or end within
                a letter, which is hidden as a whole: the rest of it would be none.
        """
        if not any(map(self._is_in, [data, *readings(data)])):
            return data
        hidden, kept = bytearray(), 0
        found = sorted(self._encoded(data))
        for begin, end in (whole_letters(data, *each) for each in found) if of_letters else found:
            if begin >= kept:
                hidden += data[kept:begin] + self._word.encode()
            kept = max(kept, end)
        return bytes(hidden) + data[kept:]

    def _is_in(self, read: bytes) -> bool:
        found = plain(read)
        return any(each in found for each in self._needles) or any(
            each in lines for lines in (read, joined(read).data) for each in self._in_base64
        )

    def _encoded(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Find where any of them stands."""
        yield from _found(plain(data), self._needles)
        yield from self._in_lines(data)
        passed = []
        for layer in layers(data):
            passed.append(layer)
            spans = [*_found(plain(layer.data), self._needles), *self._in_lines(layer.data)]
            for begin, end in [*spans, *_found(layer.data, self._in_base64)]:
                for each in reversed(passed):
                    begin, end = each.stood(begin, end)  # noqa: PLW2901 - from layer to layer
                yield begin, end

    def _in_lines(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Find where any of them stands in base64 that is broken into lines."""
        lines = joined(data)
        for begin, end in _found(lines.data, self._in_base64):
            yield lines.stood(begin, end)

    def _without_ends(self, text: str, secret: str, needed: int) -> str:
        if needed <= len(text) and text in secret:
            return self._word
        lengths = range(min(len(secret) - 1, len(text)), needed - 1, -1)
        shown = text.rstrip(_CUT_OFF)
        for length in lengths if shown[-needed:] in secret else ():
            if shown.endswith(secret[:length]):
                text = shown[:-length] + self._word + text[len(shown) :]
                break
        shown = text.lstrip(_CUT_OFF)
        for length in lengths if shown[:needed] in secret else ():
            if shown.startswith(secret[-length:]):
                return text[: len(text) - len(shown)] + self._word + shown[length:]
        return text

    def _without_hosts(self, text: str) -> str:
        if not self._folded or _PUNYCODE not in text.lower():
            return text
        return _HOST.sub(self._host, text)

    def _host(self, found: re.Match[str]) -> str:
        """Return the name of a host as it is, unless one of the texts stands in it."""
        name = folded(".".join(map(_decoded, found[0].lower().split("."))))
        return self._word if any(text in name for text in self._folded) else found[0]


def _found(data: bytes, texts: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    """Find where any of them stands."""
    for text in texts:
        begin = data.find(text)
        while begin >= 0:
            yield begin, begin + len(text)
            begin = data.find(text, begin + len(text))


def _decoded(label: str) -> str:
    if not label.startswith(_PUNYCODE) or len(label) > _MAX_LABEL:
        return label
    try:
        return label.removeprefix(_PUNYCODE).encode().decode("punycode")
    except UnicodeError:
        return label
