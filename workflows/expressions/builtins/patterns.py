r"""Regular expressions as jq writes them (Oniguruma, Perl syntax), rewritten for RE2.

RE2 never backtracks, so no pattern can hang a worker. What it cannot do (look-around,
back-references, atomic groups) is refused with a hint. Two things need more than other words:

- `$` also matches before a newline at the very end, which RE2 cannot say. Newlines elsewhere are
  replaced by a stand-in before the search, and here every set with a newline gets the stand-in.
- In jq `\d`, `\w`, `\s` and `[[:alpha:]]` know all of Unicode. Texts of ASCII alone get small
  sets, others the large ones: two renderings of one pattern.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, NoReturn

from workflows.expressions.errors import JqError

MAX_PATTERN: Final = 1_000
# Stand for a newline that is not the last character of the text.
ASCII_STAND_IN: Final = "\x80"
UNICODE_STAND_IN: Final = "\ufdd0"
# A repetition of this many may look as far ahead as one without end.
_LONG: Final = 10


class _Set(NamedTuple):
    """Items of a bracket expression and of its complement, for ASCII and for Unicode."""

    ascii: str
    ascii_others: str
    unicode: str
    unicode_others: str = ""


def _ranges(points: Iterable[int]) -> str:
    spelled: list[str] = []
    start = last = -2
    for point in [*sorted(points), 1 << 30]:
        if point != last + 1:
            if start >= 0:
                spelled.append(_range(start, last))
            start = point
        last = point
    return "".join(spelled)


def _range(low: int, high: int) -> str:
    return f"\\x{{{low:x}}}" if low == high else f"\\x{{{low:x}}}-\\x{{{high:x}}}"


def _set(characters: str, unicode: str, others: str = "") -> _Set:
    inside = {ord(each) for each in characters}
    outside = set(range(128)) - inside
    # The stand-in goes where the newline is.
    (inside if 10 in inside else outside).add(ord(ASCII_STAND_IN))  # noqa: PLR2004 - a newline
    return _Set(_ranges(inside), _ranges(outside), unicode, others)


_SMALL: Final = "abcdefghijklmnopqrstuvwxyz"
_LETTERS: Final = _SMALL + _SMALL.upper()
_DIGITS: Final = "0123456789"
_PUNCTUATION: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_WHITE: Final = "\t\n\v\f\r "
_CONTROLS: Final = "".join(map(chr, [*range(32), 127]))
_GRAPHIC: Final = _LETTERS + _DIGITS + _PUNCTUATION
_MARK: Final = _range(ord(UNICODE_STAND_IN), ord(UNICODE_STAND_IN))
_SPACE: Final = _set(
    _WHITE,
    rf"\t-\r\x{{20}}\x{{85}}\x{{a0}}\x{{1680}}\x{{2000}}-\x{{200a}}\x{{2028}}\x{{2029}}\x{{202f}}"
    rf"\x{{205f}}\x{{3000}}{_MARK}",
    r"\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}"
    r"\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fdcf}"
    r"\x{fdd1}-\x{10ffff}",
)
_DIGIT: Final = _set(_DIGITS, r"\p{Nd}", r"\P{Nd}")
_WORD: Final = _set(
    _LETTERS + _DIGITS + "_",
    r"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}",
    rf"\p{{C}}\p{{Z}}\p{{S}}\p{{Pd}}\p{{Ps}}\p{{Pe}}\p{{Pi}}\p{{Pf}}\p{{Po}}\p{{No}}{_MARK}",
)
_SHORT: Final[Mapping[str, _Set]] = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
_POSIX: Final[Mapping[str, _Set]] = {
    "alnum": _set(_LETTERS + _DIGITS, r"\p{L}\p{Nl}\p{Nd}"),
    "alpha": _set(_LETTERS, r"\p{L}\p{Nl}"),
    "ascii": _set(
        "".join(map(chr, range(128))),
        rf"\x{{0}}-\x{{7f}}{_MARK}",
        r"\x{80}-\x{fdcf}\x{fdd1}-\x{10ffff}",
    ),
    "blank": _set("\t ", r"\t\p{Zs}"),
    "cntrl": _set(_CONTROLS, rf"\p{{Cc}}{_MARK}"),
    "digit": _DIGIT,
    "graph": _set(_GRAPHIC, r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}"),
    "lower": _set(_SMALL, r"\p{Ll}", r"\P{Ll}"),
    "print": _set(_GRAPHIC + " ", r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\p{Zs}"),
    "punct": _set(_PUNCTUATION, r"\p{P}$+<=>\^`|~"),
    "space": _SPACE,
    "upper": _set(_SMALL.upper(), r"\p{Lu}", r"\P{Lu}"),
    "xdigit": _set(_DIGITS + "abcdefABCDEF", "0-9A-Fa-f"),
    "word": _WORD,
}
_CATEGORIES: Final[Mapping[str, str]] = {
    "letter": "L",
    "mark": "M",
    "number": "N",
    "other": "C",
    "punctuation": "P",
    "separator": "Z",
    "symbol": "S",
}
# Properties that a newline has.
_WITH_NEWLINE: Final = frozenset({"C", "Cc"})

_CONTROL_ESCAPES: Final[Mapping[str, str]] = {
    "a": "\a",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_QUANTIFIER: Final = re.compile(r"[*+?]|\{([0-9]{1,6})(,([0-9]{0,6}))?\}")
_FLAGS: Final = re.compile(r"([imsx]*)(?:-([imsx]*))?([:)])")
_HEX: Final = re.compile(r"x(?:\{([0-9a-fA-F]{1,8})\}|([0-9a-fA-F]{0,2}))")
_OCTAL: Final = re.compile(r"0[0-7]{0,2}|[1-3][0-7]{2}")
_PROPERTY: Final = re.compile(r"[pP]\{(\^?)([^{}]*)\}")
_BRACKET_NAME: Final = re.compile(r"\[:(\^?)([a-z]+):\]")
_NAME: Final = re.compile(r"<([^>)]*)>|'([^')]*)'")
_BLANK: Final = frozenset(" \t\n\v\f\r")
_MAX_POINT: Final = 0x10FFFF


def failure(problem: str) -> JqError:
    """Say what is wrong with a pattern, with jq's words before it."""
    return JqError(f"Regex failure: {problem}")


def _refuse(what: str, instead: str) -> NoReturn:
    raise failure(f"{what} is not supported, since it takes more than linear time; {instead}")


class _Shape(NamedTuple):
    """How far a search may look beyond the match that it finds in the end.

    Attributes:
        inner: A repetition without end, with something behind it.
        tail: A repetition without end, with nothing behind it.
        loose: That repetition can run on where what comes behind it can no longer match.
    """

    inner: bool = False
    tail: bool = False
    loose: bool = False


_PLAIN: Final = _Shape()


@dataclass(slots=True)
class _Flags:
    ignore_case: bool = False
    dot_all: bool = False
    lines: bool = False
    extended: bool = False


@dataclass(slots=True)
class _Group:
    """An open group, and what has been read of it."""

    start: int
    flags: _Flags
    branches: int = 1
    # Branches that are complete, joined.
    past: _Shape = _PLAIN
    # The branch being read, without its last atom.
    done: _Shape = _PLAIN
    # Its last atom, which a quantifier may follow.
    last: _Shape | None = None
    last_start: int = 0
    last_single: bool = False
    last_quantified: bool = False


class Rewritten(NamedTuple):
    r"""A pattern in RE2's words.

    Attributes:
        text: The pattern. All groups that capture are unnamed.
        names: The name of each group that captures, or None.
        rescans: A search may read far beyond its match, so many searches may cost a square.
        ends: It says `$` or `\Z`: newlines before the last character want the stand-in.
        boundaries: It says `\b` or `\B`, which in RE2 know ASCII only.
    """

    text: str
    names: tuple[str | None, ...]
    rescans: bool
    ends: bool
    boundaries: bool


def rewritten(
    pattern: str, *, for_ascii: bool, ignore_case: bool, dot_all: bool, extended: bool
) -> Rewritten:
    """Rewrite a pattern for RE2.

    Raises:
        JqError: When it is not well-formed, or not regular.
    """
    if len(pattern) > MAX_PATTERN:
        raise failure(f"a pattern of {len(pattern):,} characters; {MAX_PATTERN:,} are allowed")
    flags = _Flags(ignore_case, dot_all, lines=False, extended=extended)
    return _Rewriter(pattern, flags, for_ascii=for_ascii).run()


class _Rewriter:
    def __init__(self, pattern: str, flags: _Flags, *, for_ascii: bool) -> None:
        self._pattern = pattern
        self._at = 0
        self._ascii = for_ascii
        self._flags = flags
        self._parts: list[str] = []
        self._names: list[str | None] = []
        self._groups = [_Group(0, flags)]
        self._rescans = False
        self._ends = False
        self._lines = False
        self._boundaries = False

    def run(self) -> Rewritten:
        while self._at < len(self._pattern):
            self._step()
        if len(self._groups) > 1:
            raise failure("end pattern with unmatched parenthesis")
        self._close_branch()
        if self._groups[0].branches > 1 and self._groups[0].past.inner:
            self._rescans = True
        if self._ends and self._lines:
            raise failure("`$` or \\Z together with ^ or $ under (?m) is not supported")
        text = "".join(self._parts)
        if self._flags_at_start.ignore_case:
            text = f"(?i:{text})"
        return Rewritten(text, tuple(self._names), self._rescans, self._ends, self._boundaries)

    @property
    def _flags_at_start(self) -> _Flags:
        return self._groups[0].flags

    def _step(self) -> None:
        char = self._pattern[self._at]
        if self._flags.extended and (char in _BLANK or char == "#"):
            self._skip(char)
            return
        quantifier = _QUANTIFIER.match(self._pattern, self._at)
        if quantifier is not None:
            self._at = quantifier.end()
            self._quantify(quantifier)
            return
        self._at += 1
        match char:
            case "\\":
                self._escape()
            case "[":
                self._atom(self._bracket(), single=True)
            case "(":
                self._open()
            case ")":
                self._close()
            case "|":
                self._close_branch()
                self._groups[-1].branches += 1
                self._parts.append("|")
            case "^" | "$":
                self._anchor(char)
            case ".":
                self._atom(self._any() if self._flags.dot_all else self._not_newline(), single=True)
            case _:
                self._atom(self._literal(ord(char)), single=True)

    def _skip(self, char: str) -> None:
        if char != "#":
            self._at += 1
            return
        end = self._pattern.find("\n", self._at)
        self._at = len(self._pattern) if end < 0 else end + 1

    # --- Atoms --------------------------------------------------------------------------------

    def _atom(self, text: str, shape: _Shape = _PLAIN, *, single: bool = False) -> None:
        """Add what a quantifier may follow."""
        self._settle()
        group = self._groups[-1]
        group.last, group.last_start = shape, len(self._parts)
        group.last_single, group.last_quantified = single, False
        self._parts.append(text)

    def _settle(self) -> None:
        """Take the last atom into the branch, for good."""
        group = self._groups[-1]
        if group.last is None:
            return
        done, last = group.done, group.last
        if done.tail and done.loose:
            self._rescans = True
        group.done = _Shape(done.inner or done.tail or last.inner, last.tail, last.loose)
        group.last = None

    def _literal(self, point: int) -> str:
        if self._ascii and point > 127:  # noqa: PLR2004 - not in a text of ASCII
            return r"[^\x00-\xff]"
        char = chr(point)
        if char == "\n":
            return rf"[\n{self._stand_in()}]"
        return char if char.isascii() and char.isalnum() else _range(point, point)

    def _any(self) -> str:
        return "(?s:.)"

    def _stand_in(self) -> str:
        return _range(ord(ASCII_STAND_IN), ord(ASCII_STAND_IN)) if self._ascii else _MARK

    def _not_newline(self) -> str:
        return rf"[^\n{self._stand_in()}]"

    def _anchor(self, char: str) -> None:
        if self._flags.lines:
            self._lines = True
            self._atom(f"(?m:{char})")
        elif char == "^":
            self._atom(r"\A")
        else:
            self._ends = True
            self._atom("(?m:$)")

    def _escape(self) -> None:
        if self._at >= len(self._pattern):
            raise failure("end pattern at escape")
        char = self._pattern[self._at]
        if char.lower() in _SHORT or (char in "pP" and _PROPERTY.match(self._pattern, self._at)):
            self._atom(self._one_set(), single=True)
            return
        if char in _ZERO_WIDTH:
            self._at += 1
            self._ends |= char == "Z"
            self._boundaries |= char in "bB"
            self._atom(_ZERO_WIDTH[char])
            return
        if self._special(char):
            return
        self._atom(self._literal(self._character()), single=True)

    def _special(self, char: str) -> bool:
        """Add an escape that is no single character; tell whether it was one."""
        pattern, at = self._pattern, self._at
        if char in "kg" or (char in "123456789" and not _OCTAL.match(pattern, at)):
            _refuse("a back-reference", "capture both places and compare the captures")
        if char in "KGX":
            raise failure(f"\\{char} is not supported")
        if char == "Q":
            end = pattern.find("\\E", at)
            end = len(pattern) if end < 0 else end
            for each in pattern[at + 1 : end]:
                self._atom(self._literal(ord(each)), single=True)
            self._at = end + 2
            return True
        if char not in "NOR":
            return False
        self._at += 1
        if char == "R":
            white = r"\n-\r" + self._stand_in()
            ends = white if self._ascii else rf"{white}\x{{85}}\x{{2028}}\x{{2029}}"
            self._atom(rf"(?:\r\n|[{ends}])")
        else:
            self._atom(self._not_newline() if char == "N" else self._any(), single=True)
        return True

    def _character(self) -> int:
        """Read behind a backslash what stands for one character."""
        char = self._pattern[self._at]
        number = _HEX.match(self._pattern, self._at) or _OCTAL.match(self._pattern, self._at)
        if number is not None:
            self._at = number.end()
            digits = (number[1] or number[2] or "0") if char == "x" else None
            point = int(digits, 16) if digits else int(number[0], 8)
            if point > _MAX_POINT:
                raise failure("too big wide-char value")
            return point
        self._at += 1
        if char == "c" and self._at < len(self._pattern):
            self._at += 1
            return ord(self._pattern[self._at - 1]) & 0x1F
        return ord(_CONTROL_ESCAPES.get(char, char))

    # --- Sets ---------------------------------------------------------------------------------

    def _one_set(self) -> str:
        found, negated = self._named_set()
        if self._ascii:
            items = found.ascii_others if negated else found.ascii
        else:
            items = f"{'^' if negated else ''}{found.unicode}"
        # In Oniguruma \p{Lu} is upper case whatever the flags say.
        return f"(?-i:[{items}])" if self._flags.ignore_case else f"[{items}]"

    def _named_set(self) -> tuple[_Set, bool]:
        """Read `d` or `p{Name}` behind a backslash."""
        char = self._pattern[self._at]
        if char.lower() in _SHORT:
            self._at += 1
            return _SHORT[char.lower()], char.isupper()
        found = _PROPERTY.match(self._pattern, self._at)
        if found is None:
            raise failure("invalid character property name")
        self._at = found.end()
        return _property(found[2]), (char == "P") != bool(found[1])

    def _bracket(self) -> str:
        pattern = self._pattern
        negated = pattern[self._at : self._at + 1] == "^"
        self._at += negated
        items: list[str] = []
        newline = False
        first = True
        while True:
            if self._at >= len(pattern):
                raise failure("premature end of char-class")
            char = pattern[self._at]
            if char == "]" and (not first or "]" not in pattern[self._at + 1 :]):
                break
            first = False
            item, has_newline = self._item(char)
            items.append(item)
            newline |= has_newline
        if first:
            raise failure("empty char-class")
        self._at += 1
        if newline:
            items.append(self._stand_in())
        text = "".join(items)
        if not text:
            return self._any() if negated else r"[^\x00-\xff]"
        return f"[{'^' if negated else ''}{text}]"

    def _item(self, char: str) -> tuple[str, bool]:
        """Read one item of a bracket expression; tell whether it has the newline."""
        name = _BRACKET_NAME.match(self._pattern, self._at)
        if name is not None:
            if name[2] not in _POSIX:
                raise failure("invalid POSIX bracket type")
            self._at = name.end()
            return self._chosen(_POSIX[name[2]], negated=bool(name[1])), False
        if char == "\\":
            self._at += 1
            kind = self._pattern[self._at : self._at + 1]
            if kind.lower() in _SHORT or (
                kind in {"p", "P"} and _PROPERTY.match(self._pattern, self._at)
            ):
                found, negated = self._named_set()
                return self._chosen(found, negated=negated), False
        low = self._point(char)
        high = low
        if (
            self._pattern[self._at : self._at + 1] == "-"
            and self._pattern[self._at + 1 : self._at + 2] not in {"]", ""}
            and not self._set_follows(self._at + 1)
        ):
            self._at += 1
            char = self._pattern[self._at]
            self._at += char == "\\"
            high = self._point(char)
            if high < low:
                raise failure("empty range in char class")
        return self._span(low, high), low <= ord("\n") <= high

    def _set_follows(self, at: int) -> bool:
        text = self._pattern[at : at + 2]
        return text == "[:" or (text[:1] == "\\" and text[1:] in {*"dDsSwWpP"})

    def _point(self, char: str) -> int:
        """Read one character of a bracket expression; behind a backslash where there was one."""
        if char != "\\":
            self._at += 1
            return ord(char)
        if self._at >= len(self._pattern):
            raise failure("end pattern at escape")
        if self._pattern[self._at] == "b":
            self._at += 1
            return ord("\b")
        return self._character()

    def _span(self, low: int, high: int) -> str:
        if self._ascii:
            return _range(low, min(high, 127)) if low <= 127 else ""  # noqa: PLR2004 - ASCII
        mark = ord(UNICODE_STAND_IN)
        if not low <= mark <= high:
            return _range(low, high)
        before = _range(low, mark - 1) if low < mark else ""
        return before + (_range(mark + 1, high) if high > mark else "")

    def _chosen(self, found: _Set, *, negated: bool) -> str:
        if self._ascii:
            return found.ascii_others if negated else found.ascii
        if negated and not found.unicode_others:
            raise failure("this negated set inside of brackets is not supported; use [^...]")
        return found.unicode_others if negated else found.unicode

    # --- Quantifiers --------------------------------------------------------------------------

    def _quantify(self, found: re.Match[str]) -> None:
        group = self._groups[-1]
        if group.last is None:
            raise failure("target of repeat operator is not specified")
        if self._parts[-1] in _ANCHORS:
            raise failure("target of repeat operator is invalid")
        text = found.group()
        low, high = _bounds(found)
        if high is not None and high < low:
            raise failure("upper is smaller than lower in repeat range")
        if group.last_quantified:
            self._parts[group.last_start] = "(?:" + self._parts[group.last_start]
            self._parts[-1] += ")"
        follower = self._pattern[self._at : self._at + 1]
        if follower == "+":
            _refuse("a possessive repetition", "use an ordinary one")
        if follower == "?":
            self._at += 1
            text += "?"
        self._parts.append(text)
        group.last = self._repeated(group.last, low, high, single=group.last_single)
        group.last_single, group.last_quantified = False, True

    def _repeated(self, shape: _Shape, low: int, high: int | None, *, single: bool) -> _Shape:
        if low == high:
            again = low > 1 and (shape.inner or shape.tail)
            return shape._replace(inner=shape.inner or again)
        if shape.inner:
            # A round that is begun may look far ahead and come to nothing.
            self._rescans = True
        if high is None or high >= _LONG:
            return _Shape(tail=True, loose=not single)
        return shape._replace(loose=shape.loose or shape.tail)

    # --- Groups -------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._pattern[self._at : self._at + 1] != "?":
            self._enter("(", name=None)
            return
        self._at += 1
        if self._at >= len(self._pattern):
            raise failure("end pattern in group")
        match self._pattern[self._at]:
            case "#":
                self._comment()
            case "<" | "'":
                self._named()
            case "=" | "!":
                _look_around()
            case ">":
                _refuse("an atomic group (?>...)", "use (?:...)")
            case _:
                self._flagged()

    def _enter(self, text: str, *, name: str | None, flags: _Flags | None = None) -> None:
        """Open a group; one whose text is a mere parenthesis captures."""
        self._settle()
        if text == "(":
            self._names.append(name)
        self._groups.append(_Group(len(self._parts), self._flags))
        self._flags = replace(flags or self._flags)
        self._parts.append(text)

    def _comment(self) -> None:
        end = self._pattern.find(")", self._at)
        if end < 0:
            raise failure("end pattern in group")
        self._at = end + 1

    def _named(self) -> None:
        if self._pattern[self._at : self._at + 2] in {"<=", "<!"}:
            _look_around()
        found = _NAME.match(self._pattern, self._at)
        if found is None:
            raise failure("end pattern with unmatched parenthesis")
        name = found[1] if found[1] is not None else found[2]
        if not name:
            raise failure("group name is empty")
        if not (name[0].isalpha() or name[0] == "_"):
            raise failure(f"invalid group name <{name}>")
        self._at = found.end()
        self._enter("(", name=name)

    def _flagged(self) -> None:
        found = _FLAGS.match(self._pattern, self._at)
        if found is None:
            raise failure("undefined group option")
        self._at = found.end()
        on, off = found[1], found[2] or ""
        flags = _Flags(
            ignore_case=_switched(self._flags.ignore_case, "i", on, off),
            dot_all=_switched(self._flags.dot_all, "s", on, off),
            lines=_switched(self._flags.lines, "m", on, off),
            extended=_switched(self._flags.extended, "x", on, off),
        )
        case = "(?i" if flags.ignore_case else "(?-i"
        if found[3] == ":":
            self._enter(f"{case}:", name=None, flags=flags)
        else:
            self._settle()
            self._flags = flags
            self._parts.append(f"{case})")

    def _close(self) -> None:
        if len(self._groups) == 1:
            raise failure("unmatched close parenthesis")
        self._close_branch()
        group = self._groups.pop()
        self._flags = group.flags
        shape = group.past
        if group.branches > 1:
            self._rescans |= shape.inner
            shape = shape._replace(loose=shape.loose or shape.tail)
        text = "".join(self._parts[group.start :]) + ")"
        del self._parts[group.start :]
        self._atom(text, shape)

    def _close_branch(self) -> None:
        self._settle()
        group = self._groups[-1]
        past, done = group.past, group.done
        group.past = _Shape(
            past.inner or done.inner, past.tail or done.tail, past.loose or done.loose
        )
        group.done = _PLAIN


_ZERO_WIDTH: Final[Mapping[str, str]] = {
    "A": r"\A",
    "b": r"\b",
    "B": r"\B",
    "z": r"\z",
    "Z": "(?m:$)",
}


_ANCHORS: Final = frozenset({*_ZERO_WIDTH.values(), "(?m:^)"})


def _switched(now: bool, flag: str, on: str, off: str) -> bool:
    return flag not in off and (now or flag in on)


def _bounds(found: re.Match[str]) -> tuple[int, int | None]:
    if found[1] is None:
        return (1 if found[0] == "+" else 0), (1 if found[0] == "?" else None)
    low = int(found[1])
    if not found[2]:
        return low, low
    return low, int(found[3]) if found[3] else None


def _property(name: str) -> _Set:
    plain = name.replace(" ", "").replace("_", "").replace("-", "").lower()
    if plain in _POSIX:
        return _POSIX[plain]
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise failure(f"invalid character property name {{{name}}}")
    proper = _CATEGORIES.get(plain) or "_".join(each.capitalize() for each in name.split("_"))
    yes, no = f"\\p{{{proper}}}", f"\\P{{{proper}}}"
    return _Set(yes, no, yes + _MARK if proper in _WITH_NEWLINE else yes, no)


def _look_around() -> NoReturn:
    _refuse("look-around, (?=...) and the like,", "match what is around and take a capture")
