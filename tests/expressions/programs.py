"""Makes jq programs that mostly work: every part has a kind, and fits what it is put into.

`productions.txt` has all the ways to make something; they are put into each other at random.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

Kind: TypeAlias = str
Templates: TypeAlias = Sequence[str]

_HOLE: Final = re.compile(
    r"«(?P<kind>\*|\w+)(?:/(?P<dot>\w+|\*))?(?:\+(?P<bound>[\w,*]+))?(?:&(?P<call>\w+|\*))?»"
)
_NAME: Final = re.compile(r"\$[ABC]\b|\b[FGL]\b(?!\")")
# How deep productions are put into each other: most programs are short, some are not.
_DEPTHS: Final = (1, 1, 2, 2, 2, 3, 3, 4)
# A part of the wrong kind, so that errors are compared too.
_MISFIT: Final = 0.04
_LEAF: Final = 0.15
_ANY: Final = 0.3
_LITERAL: Final = 0.3

WORDS: Final = (
    *("", "a", "b", "ab", "abc", "xyz", "foo bar", "a,b,c", "A-1", "é", "日本", "😀x", "x\ty"),
    *(
        "12",
        "-3",
        "1.5",
        "true",
        "null",
        "[1,2]",
        '{"a":1}',
        "2015-03-05T23:51:47Z",
        " pad ",
        "aXbXc",
    ),
    *('q"q', "back\\slash", "<&>'", "%41", "YWJj", "aaa", "line", "test TEST"),
)
NUMBERS: Final = (
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    10,
    42,
    100,
    -1,
    -2,
    -7,
    0.5,
    1.5,
    2.25,
    -0.75,
    1e3,
    123456789,
)
KEYS: Final = ("a", "b", "c", "id", "x-y", "K", "ключ")
# Spelled the way jq spells them, so that nothing of the literal is lost or kept.
_LITERALS: Final = tuple(str(int(n)) if float(n).is_integer() else str(n) for n in NUMBERS)

RECORD: Final[dict[str, Kind]] = {
    "id": "num",
    "name": "str",
    "ok": "bool",
    "tags": "strs",
    "vals": "nums",
    "sub": "map",
}
KINDS: Final = ("num", "str", "bool", "nums", "strs", "map", "rec", "recs", "tree", "trees", "null")
ELEMENT: Final[dict[Kind, Kind]] = {"nums": "num", "strs": "str", "recs": "rec", "trees": "tree"}


def _read(text: str) -> dict[Kind, list[str]]:
    found: dict[Kind, list[str]] = {}
    for line in text.splitlines():
        if section := re.fullmatch(r"\[(\*|\w+)\]", line):
            found[section[1]] = []
        elif line and not line.startswith("#"):
            found[list(found)[-1]].append(line)
    return found


PRODUCTIONS: Final = _read(Path(__file__).with_name("productions.txt").read_text(encoding="utf-8"))

# What `.` offers for a kind.
FIELDS: Final[Mapping[tuple[Kind, Kind], Templates]] = {
    **{
        ("rec", kind): (f".{key}", f'.["{key}"]', f'."{key}"', f".{key}?")
        for key, kind in RECORD.items()
    },
    **{
        ("recs", kind): (f".[0].{key}", f".[-1].{key}", f"first(.[].{key})")
        for key, kind in RECORD.items()
    },
    ("recs", "rec"): (".[0]", "first", "last", ".[]"),
    ("nums", "num"): (".[0]", ".[-1]", "add", "length", "first", "max", ".[]"),
    ("strs", "str"): (".[0]", ".[-1]", "first", "add", ".[]", 'join(",")'),
    ("trees", "tree"): (".[0]", ".[]", "first", "last"),
    ("tree", "tree"): (".", ".a?", ".[0]?", ".[]?", "length?"),
    ("map", "num"): (".a", "length", ".[]", "add", ".b // 1"),
    ("str", "num"): ("length", "utf8bytelength"),
    ("num", "str"): ("tostring", "tojson", "@text", '"\\(.)"'),
    ("strs", "num"): ("length",),
}  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """What a part can use besides `.`: variables and functions with their kinds."""

    variables: tuple[tuple[str, Kind], ...] = ()
    functions: tuple[tuple[str, Kind, Kind], ...] = ()


@dataclass
class Maker:
    """Makes programs and values; the same random numbers make the same."""

    random: Random
    _names: int = 0

    def case(self) -> tuple[str, Any]:
        """Return a program and an input for it."""
        self._names = 0
        dot = self.random.choice(KINDS)
        want = self.random.choice(KINDS)
        program = self.part(want, dot, Scope(), self.random.choice(_DEPTHS))
        return program, self.value(dot)

    def part(self, want: Kind, dot: Kind, scope: Scope, depth: int) -> str:
        """Make an expression of a kind."""
        if self._chance(_MISFIT):
            want = self.random.choice(KINDS)
        makers = PRODUCTIONS.get(want)
        if depth <= 0 or not makers or self._chance(_LEAF):
            return self._leaf(want, dot, scope)
        template = self.random.choice(PRODUCTIONS["*"] if self._chance(_ANY) else makers)
        return self._filled(template, want, dot, scope, depth)

    def value(self, kind: Kind, depth: int = 3) -> Any:  # noqa: PLR0911 - one for each kind
        """Make a JSON value of a kind."""
        match kind:
            case "num" | "small" | "epoch":
                return self.random.choice(NUMBERS)
            case "str":
                return self.random.choice(WORDS)
            case "bool":
                return self._chance(0.5)
            case "null":
                return None
            case "map":
                return {key: self.value("num") for key in self.random.sample(KEYS, self._size())}
            case "rec":
                return {key: self.value(each) for key, each in RECORD.items()}
            case "tree":
                return self._tree(depth)
            case _:
                return [self.value(ELEMENT[kind], depth - 1) for _ in range(self._size())]

    def _tree(self, depth: int) -> Any:
        shapes = ("num", "str", "bool", "null", "nums", "map", "list", "dict")
        match self.random.choice(shapes if depth > 0 else shapes[:4]):
            case "list":
                return [self._tree(depth - 1) for _ in range(self._size())]
            case "dict":
                keys = self.random.sample(KEYS, self._size())
                return {key: self._tree(depth - 1) for key in keys}
            case kind:
                return self.value(kind)

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _size(self) -> int:
        return self.random.choice((0, 1, 2, 2, 3, 4))

    def _leaf(self, want: Kind, dot: Kind, scope: Scope) -> str:
        found = [name for name, kind in scope.variables if kind == want]
        found += [name for name, at, kind in scope.functions if (at, kind) == (dot, want)]
        found += FIELDS.get((dot, want), ())
        if dot == want:
            found += [".", "."]
        if not found or self._chance(_LITERAL):
            return self._literal(want)
        return self.random.choice(found)

    def _literal(self, want: Kind) -> str:
        match want:
            case "small":
                return self.random.choice("012345")
            case "epoch":
                return str(self.random.randrange(0, 2_000_000_000))
            case "num":
                return self.random.choice(_LITERALS)
            case _:
                return spelled(self.value(want, 1))

    def _filled(self, template: str, want: Kind, dot: Kind, scope: Scope, depth: int) -> str:
        names: dict[str, str] = {}

        def name(found: re.Match[str]) -> str:
            if found[0] not in names:
                self._names += 1
                sigil, letter = ("$", "v") if found[0].startswith("$") else ("", "f")
                names[found[0]] = f"{sigil}{letter}{self._names}"
            return names[found[0]]

        # Names first: a filled hole has names of its own.
        named = _NAME.sub(name, template)

        def hole(found: re.Match[str]) -> str:
            wanted = want if found["kind"] == "*" else found["kind"]
            at = want if found["dot"] == "*" else found["dot"] or dot
            inner = scope
            if found["bound"]:
                kinds = [want if each == "*" else each for each in found["bound"].split(",")]
                known = [
                    (names[f"${letter}"], each) for letter, each in zip("ABC", kinds, strict=False)
                ]
                inner = replace(inner, variables=(*inner.variables, *known))
            if found["call"]:
                kind = want if found["call"] == "*" else found["call"]
                inner = replace(inner, functions=(*inner.functions, (names["F"], dot, kind)))
            return self.part(wanted, at, inner, depth - 1)

        return _HOLE.sub(hole, named)


def spelled(value: Any) -> str:
    """Spell a value as a jq program that gives it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(int(value)) if float(value).is_integer() else str(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
            return f'"{escaped}"'
        case list():
            return f"[{', '.join(map(spelled, value))}]"
        case _:
            return (
                "{"
                + ", ".join(f"{spelled(key)}: {spelled(each)}" for key, each in value.items())
                + "}"
            )
