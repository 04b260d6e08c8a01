"""Hides secrets in what comes back, however they are spelled there."""

import base64
import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote_to_bytes

from foundation.json import JsonValue

HIDDEN: Final = "***"
# What is shorter occurs everywhere by chance; the store of secrets takes nothing shorter.
MIN_HIDDEN_CHARS: Final = 4
# Hosts whose names are not ASCII are spelled with such a mark, and nothing can be read there.
_PUNYCODE: Final = "xn--"
_MAX_LABEL: Final = 63
_ESCAPE: Final = re.compile(rb"%[0-9a-fA-F]{2}")
_HOST: Final = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)


class Mask:
    """Hides texts, however they may be spelled."""

    def __init__(self) -> None:
        self._spellings: list[str] = []
        self._needles: list[bytes] = []
        self._folded: set[str] = set()

    def hide(self, texts: Collection[str]) -> None:
        """Hide these, too."""
        spellings = {each for text in texts for each in _spellings(text)}
        known = spellings.union(self._spellings)
        # The longest first: one may be part of another.
        self._spellings = sorted(known, key=lambda each: (-len(each), each))
        long = [text for text in texts if len(text) >= MIN_HIDDEN_CHARS]
        self._folded.update(map(_folded, long))
        needles = {each for text in long for each in _needles(text)}.union(self._needles)
        self._needles = sorted(needles, key=lambda each: (-len(each), each))

    def text(self, text: str) -> str:
        """Return the text without them."""
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
        if "%" in text or "+" in text:
            encoded = text.encode(errors="surrogatepass")
            hidden = _without_encoded(encoded, self._needles)
            text = text if hidden == encoded else hidden.decode(errors="surrogatepass")
        return self._without_hosts(text)

    def data(self, data: bytes) -> bytes:
        """Return data without them: in base64 they could not be found any more."""
        for spelling in self._spellings:
            data = data.replace(spelling.encode(errors="replace"), HIDDEN.encode())
        # One byte is one character here, so nothing else of them changes.
        text = _without_encoded(data, self._needles).decode("latin-1")
        return self._without_hosts(text).encode("latin-1")

    def value(self, value: JsonValue) -> JsonValue:
        """Return the value without them, names of members included."""
        if not self._spellings:
            return value
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                return {self.text(name): self.value(item) for name, item in value.items()}
            case _:
                return value

    def _without_hosts(self, text: str) -> str:
        if not self._folded or _PUNYCODE not in text.lower():
            return text
        return _HOST.sub(self._host, text)

    def _host(self, found: re.Match[str]) -> str:
        """Return the name of a host as it is, unless one of the texts stands in it."""
        name = _folded(".".join(map(_decoded, found[0].lower().split("."))))
        return HIDDEN if any(text in name for text in self._folded) else found[0]


def _spellings(text: str) -> Iterator[str]:
    if len(text) < MIN_HIDDEN_CHARS:
        return
    for each in _in_other_letters(text):
        yield each
        yield json.dumps(each)[1:-1]
        yield quote(each, safe="")
        yield quote_plus(each)
    encoded = base64.b64encode(text.encode(errors="replace")).decode()
    yield encoded
    yield encoded.rstrip("=")


def _without_encoded(data: bytes, needles: Collection[bytes]) -> bytes:
    """Hide what stands in data in part encoded: clients encode what they have to, and no more."""
    if not needles or (b"%" not in data and b"+" not in data):
        return data
    plain, at_plain, at_raw = bytearray(), [0], [0]
    for escape in _ESCAPE.finditer(data):
        plain += data[at_raw[-1] : escape.start()]
        plain.append(int(escape[0][1:], 16))
        at_plain.append(len(plain))
        at_raw.append(escape.end())
    plain += data[at_raw[-1] :]

    def raw(position: int) -> int:
        segment = bisect_right(at_plain, position) - 1
        return at_raw[segment] + position - at_plain[segment]

    hidden, kept = bytearray(), 0
    for begin, end in _found(_plain(bytes(plain)), needles):
        hidden += data[kept : raw(begin)] + HIDDEN.encode()
        kept = raw(end)
    return bytes(hidden) + data[kept:]


def _found(data: bytes, needles: Collection[bytes]) -> Iterator[tuple[int, int]]:
    """Find where any of them stands, in order; the longest come first."""
    pattern = re.compile(b"|".join(map(re.escape, needles)))
    for found in pattern.finditer(data):
        yield found.span()


def _needles(text: str) -> Iterator[bytes]:
    for each in _in_other_letters(text):
        yield _plain(each.encode(errors="replace"))
        # One that looks encoded itself is left as it is by clients, and decoded here.
        yield _plain(unquote_to_bytes(each.encode(errors="replace")))


def _plain(data: bytes) -> bytes:
    return data.lower().replace(b"+", b" ")


def _in_other_letters(text: str) -> set[str]:
    """Return a text in the letters of hosts, which are small, and of those who shout."""
    return {text, _normal(text), text.lower(), text.upper(), text.casefold(), _folded(text)}


def _normal(text: str) -> str:
    """Return a text as it stands in the name of a host: there a wide letter is a letter."""
    return unicodedata.normalize("NFKC", text)


def _folded(text: str) -> str:
    return _normal(text).casefold()


def _decoded(label: str) -> str:
    if not label.startswith(_PUNYCODE) or len(label) > _MAX_LABEL:
        return label
    try:
        return label.removeprefix(_PUNYCODE).encode().decode("punycode")
    except UnicodeError:
        return label
