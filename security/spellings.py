"""How a text may be spelled where it comes back, and reading what is spelled so.

Spellings are looked for as they are. What is encoded in part (clients encode what they have to, and
no more) is read first, layer by layer: texts are quoted in texts.
"""

import base64
import html
import json
import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_plus

# What is shorter occurs everywhere by chance; the store of secrets takes nothing shorter.
MIN_CHARS: Final = 4
# Without these nothing is encoded.
MARKS: Final = "%+\\&"
# JSON in JSON in an address is more than anybody does by chance.
_LAYERS: Final = 3
# Of base64, the part of a text that does not depend on what stands beside it; shorter ones occur by
# chance.
_MIN_INNER: Final = 8
_ESCAPE: Final = re.compile(
    rb"%[0-9a-fA-F]{2}"
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\[bfnrt\"'\\/]"
    rb"|&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)
# Base64 of files and mails is broken into lines of 60 letters or more; other texts seldom are.
_BREAK: Final = re.compile(
    rb"(?:\r\n(?<=[\w+/-]{60}\r\n)|[\r\n](?<=[\w+/-]{60}[\r\n]))[ \t]*(?=[\w+/=-])"
)
# No float is larger.
_DIGITS: Final = re.compile(r"[0-9]{1,300}")
_SHORT: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_BLANKS: Final = bytes.maketrans(b"+\t\n\r", b"    ")
_GOES_ON: Final = frozenset(bytes([byte]) for byte in range(0x80, 0xC0))
_URL_ALPHABET: Final = str.maketrans("+/", "-_")


def spellings(text: str) -> Iterator[str]:
    """Yield what to look for as it is."""
    if len(text) < MIN_CHARS:
        return
    for each in in_other_letters(text):
        yield each
        yield json.dumps(each)[1:-1]
        yield quote(each, safe="")
        yield quote_plus(each)
        if len(line := " ".join(each.split())) >= MIN_CHARS:
            yield line
    yield from in_base64(text)


def in_base64(text: str) -> Iterator[str]:
    """Yield how a text looks in base64, alone or within something longer, in both alphabets."""
    if len(text) < MIN_CHARS:
        return
    data = text.encode(errors="replace")
    whole = base64.b64encode(data).decode()
    found = [whole, whole.rstrip("=")]
    for before in range(3):
        # Six bits are a letter: those that hold a bit of something else are left out.
        inner = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        end = (before + len(data)) * 8 // 6
        inner = inner[-(-before * 8 // 6) : end]
        found += [inner] if len(inner) >= _MIN_INNER else []
    for each in found:
        yield each
        yield each.translate(_URL_ALPHABET)


def numbers(text: str) -> Iterator[int | float]:
    """Yield what a text of digits is where it comes back as a number: zeros before it are lost."""
    if _DIGITS.fullmatch(text) and len(text.lstrip("0")) >= MIN_CHARS:
        yield int(text)
        # Some have only these.
        yield float(text)


def needles(text: str) -> Iterator[bytes]:
    """Yield what to look for in what was read, made plain."""
    if len(text) < MIN_CHARS:
        return
    for each in in_other_letters(text):
        found = each.encode(errors="replace")
        yield plain(found)
        # One that looks encoded itself is left as it is by clients, and read here.
        for read in readings(found):
            if len(read) >= MIN_CHARS:
                yield plain(read)


def plain(data: bytes) -> bytes:
    """Return data in which small and large letters, and all blanks, are the same."""
    return data.lower().translate(_BLANKS)


def in_other_letters(text: str) -> set[str]:
    """Return a text in the letters of hosts, which are small, and of those who shout."""
    return {text, _normal(text), text.lower(), text.upper(), text.casefold(), folded(text)}


def folded(text: str) -> str:
    """Return a text in the letters in which two hosts are compared."""
    return _normal(text).casefold()


def _normal(text: str) -> str:
    """Return a text as it stands in the name of a host: there a wide letter is a letter."""
    return unicodedata.normalize("NFKC", text)


def whole_letters(text: bytes, begin: int, end: int) -> tuple[int, int]:
    """Return a part of a text in UTF-8, widened to the letters that it takes apart."""
    while _goes_on(text, begin):
        begin -= 1
    while _goes_on(text, end):
        end += 1
    return begin, end


def _goes_on(text: bytes, position: int) -> bool:
    """Tell whether a letter goes on here that began before."""
    return text[position : position + 1] in _GOES_ON


@dataclass(frozen=True)
class Layer:
    """Data, with what was encoded in it read, and where that stood in the data before.

    There may be millions of escapes: as objects, their places took a hundred times the data.
    """

    data: bytes
    _begins: Sequence[int]
    _ends: Sequence[int]
    _stood_from: Sequence[int]
    _stood_to: Sequence[int]

    def stood(self, begin: int, end: int) -> tuple[int, int]:
        """Return where a part of it stood; what is read of one escape is not taken apart."""
        return self._begin(begin), self._end(end)

    def _begin(self, position: int) -> int:
        last = bisect_right(self._begins, position) - 1
        if last >= 0 and position < self._ends[last]:
            return self._stood_from[last]
        return self._after(last, position)

    def _end(self, position: int) -> int:
        last = bisect_left(self._begins, position) - 1
        if last >= 0 and position < self._ends[last]:
            return self._stood_to[last]
        return self._after(last, position)

    def _after(self, last: int, position: int) -> int:
        return position if last < 0 else self._stood_to[last] + position - self._ends[last]


def readings(data: bytes) -> Iterator[bytes]:
    """Read what is encoded as `layers` do, without where it stood: several times as fast."""
    for _ in range(_LAYERS):
        read = _ESCAPE.sub(_replaced, data)
        if read == data:
            return
        yield read
        data = read


def layers(data: bytes) -> Iterator[Layer]:
    """Read what is encoded, and in that again, as long as there is something."""
    for _ in range(_LAYERS):
        layer = _read(data, _ESCAPE, _meant)
        if layer.data == data:
            return
        yield layer
        data = layer.data


def is_broken(text: str) -> bool:
    """Tell whether a text has lines that may be base64."""
    return ("\n" in text or "\r" in text) and in_lines(text.encode(errors="surrogatepass"))


def in_lines(data: bytes) -> bool:
    """Tell whether data has lines that may be base64."""
    return _BREAK.search(data) is not None


def joined(data: bytes) -> Layer:
    """Read lines that may be base64 as one."""
    return _read(data, _BREAK, lambda _: b"")


def _read(data: bytes, escapes: re.Pattern[bytes], meant: Callable[[bytes], bytes]) -> Layer:
    read, at = bytearray(), 0
    begins, ends, stood_from, stood_to = (array("Q") for _ in range(4))
    for escape in escapes.finditer(data):
        read += data[at : escape.start()]
        begins.append(len(read))
        read += meant(escape[0])
        ends.append(len(read))
        at = escape.end()
        stood_from.append(escape.start())
        stood_to.append(at)
    read += data[at:]
    return Layer(bytes(read), begins, ends, stood_from, stood_to)


def _replaced(escape: re.Match[bytes]) -> bytes:
    return _meant(escape[0])


@lru_cache(maxsize=4096)
def _meant(escape: bytes) -> bytes:
    match escape[:2]:
        case b"\\u":
            text: str = json.loads(b'"%b"' % escape)
            return text.encode(errors="surrogatepass")
        case b"\\x":
            return chr(int(b"0" + escape[1:], 0)).encode()
        case code if code.startswith(b"%"):
            return bytes([int(escape[1:], 16)])
        case code if code.startswith(b"&"):
            return html.unescape(escape.decode()).encode()
        case code:
            return _SHORT.get(code[1:], code[1:])
