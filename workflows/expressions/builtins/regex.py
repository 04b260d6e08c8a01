"""jq's `test`, `match`, `capture`, `scan` and `splits`, on RE2: linear in the text, always.

What a search costs is charged before it is made, from the size of the pattern's program and the
length of the text. A deterministic automaton reads a byte in about 1.5 ns. Where it grows too
large RE2 rebuilds or simulates it, at up to 12 ns for each instruction of the program.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import re2

from workflows.expressions.builtins.patterns import (
    ASCII_STAND_IN,
    MAX_PATTERN,
    UNICODE_STAND_IN,
    failure,
    rewritten,
)
from workflows.expressions.builtins.text import QuotingError, sound
from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import Run
from workflows.expressions.printing import kind

# Bytes for the program and the automaton of one pattern. Larger ones take over 20 ms to compile.
_MAX_MEMORY: Final = 1 << 20
# Programs of so few instructions cannot outgrow that memory.
_MAX_SAFE_PROGRAM: Final = 16
_BYTES_PER_UNIT: Final = 64
# Simulated instructions for one unit.
_INSTRUCTIONS_PER_UNIT: Final = 12
# Calling RE2; making the object that describes a match, and each capture.
_SEARCH_UNITS: Final = 20
_MATCH_UNITS: Final = 30
_CAPTURE_UNITS: Final = 10
# Looking a compiled pattern up; compiling; one character of it; one instruction.
_LOOKUP_UNITS: Final = 8
_COMPILE_UNITS: Final = 360
_PATTERN_CHAR_UNITS: Final = 8
_INSTRUCTION_UNITS: Final = 1
# Each reference to a set of Unicode is about 1,000 instructions, also in a program that fails.
_UNICODE_SET_UNITS: Final = 600
# The variants of a character that differ in case are looked for in long tables.
_WIDE_CHAR_UNITS: Final = 60
_TOO_LARGE_UNITS: Final = 30_000
_CACHED: Final = 256

_WIDE_WORD: Final = re.compile(r"[^\W\x00-\x7f]")
_WIDE: Final = re.compile(r"[^\x00-\x7f]")
_SET: Final = re.compile(r"\\[dDsSwWpP]|\[")
_PROPERTY: Final = re.compile(r"\\[pP]")


class _Flags(NamedTuple):
    everywhere: bool = False
    ignore_case: bool = False
    extended: bool = False
    dot_all: bool = False
    longest: bool = False
    not_empty: bool = False


_NO_FLAGS: Final = _Flags()
_FLAG_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "g": ("everywhere",),
    "i": ("ignore_case",),
    "x": ("extended",),
    # `^` and `$` mean the ends of the text in any case.
    "s": (),
    "m": ("dot_all",),
    "p": ("dot_all",),
    "l": ("longest",),
    "n": ("not_empty",),
}


class _Program(NamedTuple):
    """A compiled pattern.

    Attributes:
        regexp: The pattern, leftmost match first.
        longest: The same, longest match first.
        names: The name of each capture.
        size: Instructions without captures in the rendering for ASCII: what a search may cost.
        compiled: Instructions in this rendering: what compiling has cost.
        rescans: Many searches may read the same text again and again.
        ends: It wants the stand-in for newlines.
        boundaries: It knows ASCII words only.
    """

    regexp: Any
    longest: Any
    names: tuple[str | None, ...]
    size: int
    compiled: int
    rescans: bool
    ends: bool
    boundaries: bool


class _Span(NamedTuple):
    """A match in bytes: its groups from 0, and the codepoints before it."""

    groups: list[tuple[int, int]]
    offset: int


# --- Compiling --------------------------------------------------------------------------------


def _options(*, for_ascii: bool, longest: bool, capture: bool) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    options.longest_match = longest
    options.never_capture = not capture
    if for_ascii:
        options.encoding = re2.Options.Encoding.LATIN1
    return options


def _compiled(text: str, *, for_ascii: bool, longest: bool = False, capture: bool = True) -> Any:
    options = _options(for_ascii=for_ascii, longest=longest, capture=capture)
    try:
        return re2.compile(text.encode(), options)
    except re2.error as error:
        raise failure(_reason(error)) from None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode(errors="replace") if type(reason) is bytes else str(reason)


@lru_cache(maxsize=_CACHED)
def _program(pattern: str, flags: _Flags, *, for_ascii: bool, capture: bool) -> _Program | str:
    """Compile a pattern, or say what is wrong with it; both are worth remembering."""
    try:
        return _build(pattern, flags, for_ascii=for_ascii, capture=capture)
    except JqError as error:
        return str(error.value)


def _build(pattern: str, flags: _Flags, *, for_ascii: bool, capture: bool) -> _Program:
    def render(*, for_ascii: bool) -> Any:
        return rewritten(
            pattern,
            for_ascii=for_ascii,
            ignore_case=flags.ignore_case,
            dot_all=flags.dot_all,
            extended=flags.extended,
        )

    words = render(for_ascii=for_ascii)
    regexp = _compiled(words.text, for_ascii=for_ascii, capture=capture)
    longest = regexp
    if flags.longest or flags.not_empty:
        longest = _compiled(words.text, for_ascii=for_ascii, capture=capture, longest=True)
    bare = _compiled(render(for_ascii=True).text, for_ascii=True, capture=False)
    return _Program(
        regexp,
        longest,
        words.names if capture else (),
        bare.programsize,
        regexp.programsize + longest.programsize,
        words.rescans or flags.longest or flags.not_empty,
        words.ends,
        words.boundaries,
    )


def _paid_program(
    run: Run, pattern: str, flags: _Flags, *, for_ascii: bool, capture: bool
) -> _Program:
    """Compile a pattern, or take it from the cache.

    The first use in an evaluation is charged as if there were no cache: the same evaluation must
    cost the same in every process.
    """
    key = (pattern, flags, for_ascii, capture)
    run.charge(_LOOKUP_UNITS)
    new = key not in run.paid
    if new:
        run.charge(_cost_of_compiling(pattern, for_ascii=for_ascii))
        run.paid.add(key)
    program = _program(pattern, flags, for_ascii=for_ascii, capture=capture)
    if isinstance(program, str):
        if new and program.endswith("compile failed"):
            run.charge(_TOO_LARGE_UNITS)
        raise JqError(program)
    if new:
        run.charge(program.compiled * _INSTRUCTION_UNITS)
    return program


def _cost_of_compiling(pattern: str, *, for_ascii: bool) -> int:
    # Longer ones are refused.
    pattern = pattern[: MAX_PATTERN + 1]
    sets = len((_PROPERTY if for_ascii else _SET).findall(pattern))
    wide = 0 if pattern.isascii() else len(_WIDE.findall(pattern))
    return (
        _COMPILE_UNITS
        + len(pattern) * _PATTERN_CHAR_UNITS
        + sets * _UNICODE_SET_UNITS
        + wide * _WIDE_CHAR_UNITS
    )


# --- Searching --------------------------------------------------------------------------------


class _Search:
    """All that one call does: a text, a pattern, and the budget."""

    def __init__(self, run: Run, text: str, pattern: str, flags: _Flags, *, capture: bool) -> None:
        run.charge_text(len(text))
        self._run = run
        self._flags = flags
        self.text = sound(text)
        self._ascii = self.text.isascii()
        self.program = _paid_program(run, pattern, flags, for_ascii=self._ascii, capture=capture)
        self._data = self._subject()
        # Bytes and codepoints that have been counted.
        self._counted = (0, 0)
        if not self.program.rescans:
            self._charge_reading(len(self._data))

    def _subject(self) -> bytes:
        text = self.text
        if self.program.ends and "\n" in text[:-1]:
            stand_in = ASCII_STAND_IN if self._ascii else UNICODE_STAND_IN
            text = text[:-1].replace("\n", stand_in) + text[-1:]
        if self._ascii:
            return text.encode("latin-1")
        if self.program.boundaries and _WIDE_WORD.search(text):
            raise failure(
                "\\b and \\B know ASCII letters only, and there are others in the text; "
                "use (?:^|\\W) and (?:\\W|$)"
            )
        return text.encode()

    def _charge_reading(self, length: int) -> None:
        size = self.program.size
        if size <= _MAX_SAFE_PROGRAM and not self.program.names:
            units = length // _BYTES_PER_UNIT
        else:
            units = length * size // _INSTRUCTIONS_PER_UNIT
        self._run.charge(units if self._ascii else 2 * units)

    def _charge_search(self, start: int) -> None:
        self._run.charge(_SEARCH_UNITS)
        if self.program.rescans:
            self._charge_reading(len(self._data) - start)

    def _find(self, start: int) -> list[tuple[int, int]] | None:
        if self._flags.longest:
            return self._find_longest(start)
        self._charge_search(start)
        found = self._groups(self.program.regexp.search(self._data, start))
        while self._flags.not_empty and found and found[0][0] == found[0][1]:
            at = found[0][0]
            self._charge_search(at)
            self._charge_search(at)
            found = self._groups(self.program.longest.match(self._data, at))
            if found is None or found[0][0] == found[0][1]:
                if at >= len(self._data):
                    return None
                found = self._groups(self.program.regexp.search(self._data, self._after(at)))
        return found

    def _find_longest(self, start: int) -> list[tuple[int, int]] | None:
        """Find the longest of all matches that begin anywhere, as Oniguruma does."""
        best: list[tuple[int, int]] | None = None
        while start <= len(self._data):
            self._charge_search(start)
            found = self._groups(self.program.longest.search(self._data, start))
            if found is None:
                break
            low, high = found[0]
            if best is None or high - low > best[0][1] - best[0][0]:
                best = found
            start = self._after(low)
        if best and self._flags.not_empty and best[0][0] == best[0][1]:
            return None
        return best

    def _after(self, at: int) -> int:
        """Give the place of the next codepoint."""
        at += 1
        if self._ascii:
            return at
        while at < len(self._data) and self._data[at] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8
            at += 1
        return at

    def _groups(self, found: Any) -> list[tuple[int, int]] | None:
        if found is None:
            return None
        return [found.span(group) for group in range(len(self.program.names) + 1)]

    def exists(self) -> bool:
        """Tell whether there is a match."""
        return self._find(0) is not None

    def spans(self) -> list[_Span]:
        """Find the first match, or all that do not overlap."""
        spans: list[_Span] = []
        cost = _MATCH_UNITS + _CAPTURE_UNITS * len(self.program.names)
        start = 0
        while start <= len(self._data):
            found = self._find(start)
            if found is None:
                break
            self._run.charge(cost)
            low, high = found[0]
            spans.append(_Span(found, self._offset(low)))
            if not self._flags.everywhere:
                break
            start = high if high > low else self._after(high)
        return spans

    def _offset(self, at: int) -> int:
        if self._ascii:
            return at
        # From one match to the next: nothing is counted twice.
        last, count = self._counted
        count += self.length(last, at) if at >= last else -self.length(at, last)
        self._counted = (at, count)
        return count

    def length(self, low: int, high: int) -> int:
        """Count the codepoints between two places."""
        return high - low if self._ascii else len(self._data[low:high].decode())

    def part(self, span: _Span, group: int) -> tuple[int, int]:
        """Give offset and length of a group in codepoints; -1 for one without a match."""
        low, high = span.groups[group]
        if low < 0:
            return -1, 0
        begin = span.groups[0][0]
        if not self._ascii:
            self._run.charge((high - begin) // _BYTES_PER_UNIT)
        offset = span.offset + (self.length(begin, low) if low >= begin else 0)
        return offset, self.length(low, high)

    def string(self, span: _Span, group: int) -> str | None:
        """Give the text of a group."""
        offset, length = self.part(span, group)
        return None if offset < 0 else self.text[offset : offset + length]


# --- Arguments --------------------------------------------------------------------------------


def _parsed(flags: Value) -> _Flags:
    if flags is None:
        return _NO_FLAGS
    if type(flags) is not str:
        raise OperandError("{} is not a string", flags)
    names: set[str] = set()
    for flag in flags:
        if flag not in _FLAG_NAMES:
            raise QuotingError("{} is not a valid modifier string", flags)
        names.update(_FLAG_NAMES[flag])
    return _Flags(**dict.fromkeys(names, True))


def _search(run: Run, value: Value, pattern: Value, flags: Value, **how: bool) -> _Search:
    if type(value) is not str:
        raise OperandError("{} cannot be matched, as it is not a string", value)
    if type(pattern) is not str:
        raise OperandError("{} is not a string", pattern)
    parsed = _parsed(flags)
    if how.get("everywhere"):
        parsed = parsed._replace(everywhere=True)
    return _Search(run, value, sound(pattern), parsed, capture=how.get("capture", True))


def _unpacked(given: Value, *flags: Value) -> tuple[Value, Value]:
    """Take pattern and flags out of one or two arguments; one may be an array of both."""
    if flags:
        return given, flags[0]
    if type(given) is str:
        return given, None
    if type(given) is list and given:
        return given[0], given[1] if len(given) > 1 else None
    raise JqError(f"{kind(given)} not a string or array")


def _check_addable(flags: Value, template: str) -> None:
    """Refuse flags to which jq cannot add its own."""
    if flags is not None and type(flags) is not str:
        operands = ("g", flags) if template == "g+" else (flags, "g")
        raise OperandError("{} and {} cannot be added", *operands)


# --- Functions --------------------------------------------------------------------------------


def test(run: Run, value: Value, *arguments: Value) -> Value:
    """Tell whether the pattern matches."""
    pattern, flags = _unpacked(*arguments)
    return _search(run, value, pattern, flags, capture=False).exists()


def match(run: Run, value: Value, *arguments: Value) -> list[Value]:
    """Describe the first match, or all."""
    pattern, flags = _unpacked(*arguments)
    search = _search(run, value, pattern, flags)
    return [_described(search, span) for span in search.spans()]


def _described(search: _Search, span: _Span) -> dict[str, Value]:
    offset, length = search.part(span, 0)
    return {
        "offset": offset,
        "length": length,
        "string": search.text[offset : offset + length],
        "captures": [
            _capture(search, span, group + 1, name)
            for group, name in enumerate(search.program.names)
        ],
    }


def _capture(search: _Search, span: _Span, group: int, name: str | None) -> dict[str, Value]:
    offset, length = search.part(span, group)
    if length:
        string = search.text[offset : offset + length]
        return {"offset": offset, "length": length, "string": string, "name": name}
    # The order of the keys is jq's.
    return {"offset": offset, "string": None if offset < 0 else "", "length": 0, "name": name}


def capture(run: Run, value: Value, *arguments: Value) -> list[Value]:
    """Give the named captures of the first match, or of all, as objects."""
    pattern, flags = _unpacked(*arguments)
    search = _search(run, value, pattern, flags)
    named = [(group + 1, name) for group, name in enumerate(search.program.names) if name]
    return [{name: search.string(span, group) for group, name in named} for span in search.spans()]


def scan(run: Run, value: Value, pattern: Value, flags: Value = None) -> list[Value]:
    """Give the texts of all matches, or of their captures where there are any."""
    _check_addable(flags, "g+")
    search = _search(run, value, pattern, flags, everywhere=True)
    groups = range(1, len(search.program.names) + 1)
    return [
        [search.string(span, group) for group in groups] if groups else search.string(span, 0)
        for span in search.spans()
    ]


def splits(run: Run, value: Value, pattern: Value, flags: Value = None) -> list[Value]:
    """Give what is between the matches."""
    _check_addable(flags, "+g")
    search = _search(run, value, pattern, flags, everywhere=True, capture=False)
    parts: list[Value] = []
    begin = 0
    for span in search.spans():
        offset, length = search.part(span, 0)
        parts.append(search.text[begin:offset])
        begin = offset + length
    parts.append(search.text[begin:])
    return parts


FUNCTIONS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {
    ("test", 1): test,
    ("test", 2): test,
    ("split", 2): splits,
}
# These have one output for each item of what they return.
LISTS: Final[Mapping[tuple[str, int], Callable[..., list[Value]]]] = {
    ("match", 1): match,
    ("match", 2): match,
    ("capture", 1): capture,
    ("capture", 2): capture,
    ("scan", 1): scan,
    ("scan", 2): scan,
    ("splits", 1): splits,
    ("splits", 2): splits,
}
