"""Programs that want to hang, fill or kill the worker. The tests and the benches run all of them.

`python -m tests.expressions.hostile SHARD SHARDS` runs a share of them in a process with little
memory and prints a line of JSON for each: how it ended, what fuel it took, and how large the
process has grown.
"""

import json
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from typing_extensions import override

from tests.expressions.hidden import hidden_mistake
from workflows.expressions import (
    ExpressionError,
    ExpressionSyntaxError,
    OutOfFuelError,
    TooLargeError,
    compile_expression,
    fuel_spent,
)

MEMORY: Final = 1 << 30
# A worker evaluates in a thread and below the frames of workflow code.
FRAMES_ABOVE: Final = 150

End: TypeAlias = Literal["stopped", "fails", "refused", "either"]


@dataclass(frozen=True)
class Hostile:
    """One attack.

    Attributes:
        end: How it has to end: `stopped` by the meter, `fails` with any error of ours, `refused`
            when it is compiled, `either` when it may also succeed because its work is bounded.
    """

    name: str
    program: str
    value: Any = None
    end: End = "stopped"

    @override
    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Outcome:
    """How a program ended: the error's class, or `value`; and the fuel it took."""

    name: str
    ended: str
    message: str
    fuel: int


WORDS: Final = "abc def " * 4_000
TEXT: Final = "x" * 1_000_000
DEEP: Final = "reduce range(9999) as $i (0; [.])"
WIDE: Final = "[range(20000)]"
# A value of 2^60 leaves that takes almost no memory: only what looks at all leaves blows up.
SHARED: Final = "reduce range(60) as $i ([1]; [., .])"
SHARED_OBJECT: Final = "reduce range(60) as $i ({a: 1}; {a: ., b: .})"
FORK_BOMB: Final = "def f: f | f; f"


def _generators() -> Iterator[Hostile]:
    yield Hostile("collect without end", "[range(infinite)]")
    yield Hostile("count without end", "[range(infinite)] | length")
    yield Hostile("last without end", "last(range(infinite))")
    yield Hostile("generator that never yields", "range(infinite) | empty")
    yield Hostile("select that never yields", "first(range(infinite) | select(. < 0))")
    yield Hostile("until never", "until(false; .)")
    yield Hostile("until that grows", "1 | until(. == 0; . + 1)")
    yield Hostile("until that grows a text", '"" | until(false; . + "x")')
    yield Hostile("while forever", "[0 | while(true; . + 1)]")
    yield Hostile("repeat", "[1 | repeat(.)]")
    yield Hostile("repeat that never yields", "[repeat(empty)] | [limit(1; repeat(.) | empty)]")
    yield Hostile("repeat doubling", '"x" | [repeat(. + .)]')
    yield Hostile("limited repeat", "[limit(1e9; repeat(0))]")
    yield Hostile("skip", "[skip(1e9; repeat(0))]")
    yield Hostile("nth", "nth(1e9; repeat(0))")
    yield Hostile("billion numbers", "[range(1e9)]")
    yield Hostile("billion in small steps", "[range(0; 1; 1e-9)]")
    yield Hostile("step of nothing", "[limit(1e8; range(0; 1; 0))]", end="either")
    yield Hostile("recurse", "[recurse(.)]")
    yield Hostile("recurse in two ways", "[0 | recurse(., .)]")
    yield Hostile("recurse while", "[0 | recurse(. + 1; true)]")
    yield Hostile("reduce without end", "reduce range(infinite) as $i (0; . + $i)")
    yield Hostile("foreach without end", "foreach range(infinite) as $i (0; . + $i; empty)")
    yield Hostile(
        "foreach in foreach",
        "foreach repeat(1) as $i (0; .; foreach repeat(1) as $j (0; .; empty))",
    )
    yield Hostile("label in a loop", "[repeat(label $out | 1, break $out)]")
    yield Hostile("limit inside recursion", "def f: limit(1; f, f); f", end="fails")
    yield Hostile("first inside recursion", "def f: first(f); f", end="fails")
    yield Hostile("isempty", "isempty(range(infinite) | empty)")
    yield Hostile("any", "any(range(infinite); . < 0)")
    yield Hostile("all", "all(repeat(true); .)")
    yield Hostile("in", "IN(range(infinite); -1)")
    yield Hostile("index", "INDEX(range(infinite); .)")
    yield Hostile("add", "add(range(infinite))")
    yield Hostile("alternative", "repeat(null) // 1")
    yield Hostile("condition", "if repeat(false) then 1 else empty end")
    yield Hostile("and", "repeat(true) and empty")
    yield Hostile(
        "cartesian", "[range(1000) as $a | range(1000) as $b | range(1000) | $a + $b + .]"
    )
    yield Hostile("cartesian operators", "[range(300) + range(300) + range(300)]")
    yield Hostile("cartesian object", "[{a: range(300), b: range(300), c: range(300)}]")
    yield Hostile("cartesian text", r'"\(range(300))\(range(300))\(range(300))"')
    yield Hostile("cartesian arguments", "[range(range(1000); range(1000))]")
    yield Hostile("combinations", "[[range(9)] | combinations(9)]")
    yield Hostile(
        "combinations of many", "[[range(30)] as $a | [range(30) | $a] | combinations] | length"
    )
    yield Hostile(
        "iterated iteration", "[.[] | .[] | .[]] | length", [[[0] * 60] * 60] * 60, "either"
    )
    yield Hostile("iterated dots", f"{WIDE} as $a | [$a[] | $a[] | $a[]]")
    yield Hostile("destructuring", f"{WIDE} as $a | [$a[] as [$x] ?// $y | $a[] | 1]")
    yield Hostile("paths of everything", f"{WIDE} | [paths as $p | paths]")


def _recursion() -> Iterator[Hostile]:
    yield Hostile("recursion", "def f: f; f", end="fails")
    yield Hostile("recursion that calls itself twice", FORK_BOMB, end="fails")
    yield Hostile("recursion with work", "def f: (. + 1 | f) + 1; 0 | f", end="fails")
    yield Hostile("recursion that yields", "def f: ., (. + 1 | f); [0 | f]", end="fails")
    yield Hostile("recursion into an array", "def f: [f]; f", end="fails")
    yield Hostile("recursion into an object", "def f: {a: f}; f", end="fails")
    yield Hostile("recursion into a text", r'def f: "\(f)"; f', end="fails")
    yield Hostile("recursion in a condition", "def f: if f then 1 else 2 end; f", end="fails")
    yield Hostile("recursion in try", "def f: try f catch f; f", end="fails")
    yield Hostile("recursion in reduce", "def f: reduce f as $x (0; f); f", end="fails")
    yield Hostile("recursion in foreach", "def f: foreach (1, f) as $x (0; .; f); f", end="fails")
    yield Hostile("recursion in a path", "def f: .a | f; path(f)", end="fails")
    yield Hostile("recursion in an index", "def f: .[f]; f", end="fails")
    yield Hostile("recursion in a pattern", r"def f: . as {(f): $x} | $x; f", end="fails")
    yield Hostile("recursion in an alternative", "def f: f // f; f", end="fails")
    yield Hostile("recursion in label", "def f: label $l | f, break $l; f", end="fails")
    yield Hostile("recursion in an update", "def f: .a |= f; {a: 1} | f", end="fails")
    yield Hostile("recursion in map", "def f: map(f); [[]] | f | f", end="either")
    yield Hostile("recursion in map of itself", "def f: [.] | map(f); f", end="fails")
    yield Hostile("recursion in sort_by", "def f: [., .] | sort_by(f); f", end="fails")
    yield Hostile("recursion in walk", "def f: walk([.] | f); f", end="fails")
    yield Hostile("recursion in gsub", 'def f: gsub("x"; f); "x" | f', end="fails")
    yield Hostile("recursion by two", "def f: def g: f; g; f", end="fails")
    yield Hostile("mutual recursion", "def f(g): g | f(g); def h: f(h); h", end="fails")
    yield Hostile("recursion through a closure", "def f(g): f(g | g); f(.)", end="fails")
    yield Hostile("recursion of closures", "def f(g): def h: f(h); h, g; f(1)", end="fails")
    yield Hostile("recursion with a variable", "def f($n): f($n + 1); f(0)", end="fails")
    yield Hostile("recursion with two results", "def f: f, f; [f]", end="fails")
    yield Hostile(
        "Ackermann",
        (
            "def a($m; $n): if $m == 0 then $n + 1 elif $n == 0 then a($m - 1; 1) "
            "else a($m - 1; a($m; $n - 1)) end; a(4; 2)"
        ),
        end="fails",
    )
    yield Hostile("Fibonacci", "def f: if . < 2 then . else (. - 1 | f) + (. - 2 | f) end; 90 | f")
    yield Hostile(
        "towers", "def h: if . == 0 then 0 else (. - 1 | h) * 2 + (. - 1 | h) end; 60 | h"
    )
    yield Hostile(
        "Collatz of nothing", "def f: if . == 1 then 1 else (. * 2) | f end; 3 | f", end="fails"
    )
    yield Hostile("descent of deep", f"{DEEP} | [..] | length", end="either")
    yield Hostile("walk of deep", f"{DEEP} | walk(.) | tojson | length", end="either")
    yield Hostile("Y combinator", "def y(f): f | y(f); 1 | y(. + 1)", end="fails")


def _growth() -> Iterator[Hostile]:
    yield Hostile("text times a billion", '"x" * 1e9')
    yield Hostile("text times many", '"x" * 1e6 * 1e6', end="fails")
    yield Hostile("many times text", '1e9 * "abc"', end="fails")
    yield Hostile("text times infinite", '"x" * infinite', end="fails")
    yield Hostile("doubling a text", 'reduce range(100) as $i ("x"; . + .)')
    yield Hostile("doubling an array", "reduce range(100) as $i ([0]; . + .)")
    yield Hostile("doubling by spelling", r'reduce range(100) as $i ("x"; "\(.)\(.)")')
    yield Hostile("doubling by escapes", r'reduce range(100) as $i ("\\"; tojson)')
    yield Hostile("doubling by @base64", 'reduce range(200) as $i ("x"; @base64)')
    yield Hostile("doubling by @uri", 'reduce range(5000) as $i ("%%"; @uri)', end="either")
    yield Hostile("doubling by @html", 'reduce range(5000) as $i ("&<"; @html)', end="either")
    yield Hostile("doubling by @sh", """reduce range(100) as $i ("'"; @sh)""")
    yield Hostile("doubling by join", 'reduce range(100) as $i ("x"; [., .] | join(","))')
    yield Hostile("doubling by gsub", 'reduce range(100) as $i ("x"; gsub("x"; "xx"))')
    yield Hostile("doubling by add", 'reduce range(100) as $i ("x"; [., .] | add)')
    yield Hostile("doubling by flatten", "reduce range(100) as $i ([1]; [., .] | flatten)")
    yield Hostile("doubling by an object", 'reduce range(100) as $i ({}; . + {"\\($i)": tojson})')
    yield Hostile(
        "doubling by explode", 'reduce range(60) as $i ("x"; explode + explode | implode)'
    )
    yield Hostile("doubling by @csv", 'reduce range(100) as $i ("\\""; [.] | @csv)')
    yield Hostile("adding one by one", "reduce range(1e7) as $i ([]; . + [$i])")
    yield Hostile("adding objects one by one", r'reduce range(1e7) as $i ({}; . + {"\($i)": $i})')
    yield Hostile("setting one by one", "reduce range(1e7) as $i ([]; .[$i] = $i)")
    yield Hostile("huge index", ".[1e9] = 1", end="fails")
    yield Hostile("huge index below the bound", ".[1e8] = 1")
    yield Hostile("huge indices", ".[5e7, 6e7, 7e7] = 1")
    yield Hostile("huge index by path", "setpath([5e8]; 1)", end="fails")
    yield Hostile("huge index in depth", "setpath([range(20) | 400000]; 1)")
    yield Hostile("huge slice", ".[1e8:2e8] = [1]", end="either")
    yield Hostile("long path", "setpath([range(100000) | 0]; 1)", end="fails")
    yield Hostile("nested 100,000 deep", "reduce range(100000) as $i (0; [.])", end="fails")
    yield Hostile(
        "nested objects 100,000 deep", "reduce range(100000) as $i (0; {a: .})", end="fails"
    )
    yield Hostile("nested text", r'("[" * 100000) | fromjson', end="fails")
    yield Hostile(
        "nested text that is complete",
        '("[" * 9000) + ("]" * 9000) | fromjson | fromjson',
        end="fails",
    )
    yield Hostile("pyramid of powers", "reduce range(64) as $i (2; . * .) | tostring", end="either")
    yield Hostile(
        "long integers", "reduce range(1000) as $i (9223372036854775807; . * .)", end="either"
    )
    yield Hostile("long number", "1" * 4000 + " * " + "9" * 4000, end="either")
    yield Hostile("long exponent", "1e999999999999999999999 | tostring", end="either")
    yield Hostile(
        "ldexp",
        "ldexp(1; 1e18), scalbln(1; 1e18), pow(1e300; 1e300), (1e300 | exp10)",
        end="either",
    )
    yield Hostile(
        "padding by ltrimstr", '"x" * 1000000 | [range(100000) as $i | ltrimstr("x" * 999999)]'
    )
    yield Hostile(
        "large keys", r'reduce range(100) as $i ({}; .["k" * (1000000 + $i)] = $i)', end="fails"
    )


def _shared() -> Iterator[Hostile]:
    yield Hostile("shared result", SHARED)
    yield Hostile("shared tojson", f"{SHARED} | tojson")
    yield Hostile("shared tostring", f'"\\({SHARED})"')
    yield Hostile("shared equality", f"({SHARED}) as $a | ({SHARED}) as $b | $a == $b")
    yield Hostile("shared order", f"({SHARED}) as $a | ({SHARED}) as $b | $a < $b")
    yield Hostile("shared sort", f"[{SHARED}, {SHARED}] | sort")
    yield Hostile("shared unique", f"[{SHARED}, {SHARED}] | unique | length")
    yield Hostile("shared group_by", f"[{SHARED}, {SHARED}] | group_by(.) | length")
    yield Hostile("shared index of", f"[{SHARED}, {SHARED}] | index([1])", end="either")
    yield Hostile("shared flatten", f"{SHARED} | flatten | length")
    yield Hostile("shared walk", f"{SHARED} | walk(.) | 1")
    yield Hostile("shared paths", f"{SHARED} | [paths] | length")
    yield Hostile("shared leaves", f"{SHARED} | [.. | numbers] | length")
    yield Hostile("shared tostream", f"{SHARED} | [tostream] | length")
    yield Hostile("shared fromstream", f"{SHARED} | fromstream(tostream) | 1")
    yield Hostile("shared contains", f"({SHARED}) as $a | ({SHARED}) as $b | $a | contains($b)")
    yield Hostile("shared inside", f"({SHARED}) as $a | ({SHARED}) as $b | $a | inside($b)")
    yield Hostile("shared difference", f"[{SHARED}] - [{SHARED}] | length")
    yield Hostile("shared @text", f"{SHARED} | @text | length")
    yield Hostile("shared @json", f"{SHARED} | @json | length")
    yield Hostile("shared @html", f"{SHARED} | @html | length")
    yield Hostile("shared error", f"{SHARED} | error", end="fails")
    yield Hostile("shared error text", f"{SHARED} | tonumber", end="fails")
    yield Hostile("shared error caught", f"try ({SHARED} | error) catch tojson")
    yield Hostile("shared key", f"{{}} | .[{SHARED}]", end="fails")
    yield Hostile("shared objects", f"{SHARED_OBJECT} | tojson")
    yield Hostile(
        "shared merge", f"({SHARED_OBJECT}) as $a | ({SHARED_OBJECT}) as $b | $a * $b | 1"
    )
    yield Hostile(
        "shared objects equality", f"({SHARED_OBJECT}) as $a | ({SHARED_OBJECT}) as $b | $a == $b"
    )
    yield Hostile("shared construction", f"{{a: ({SHARED}), b: ({SHARED}), c: ({SHARED})}}")
    yield Hostile("shared update", f"{SHARED} | .. |= . | 1")
    yield Hostile("shared deletion", f"{SHARED} | del(.. | numbers) | 1")
    yield Hostile("shared interpolation of text", f'{SHARED} | [.. | "\\(.)"] | length')
    yield Hostile("shared to_entries", f"{SHARED_OBJECT} | [.. | objects | to_entries] | 1")
    yield Hostile(
        "shared transpose",
        "reduce range(60) as $i ([[1]]; [.[0], .[0]] | [transpose[0]]) | 1",
        end="either",
    )
    yield Hostile("shared combinations", f"{SHARED} | [combinations] | length", end="either")
    yield Hostile("shared add", "reduce range(60) as $i ([1]; [., .] | add) | length")
    yield Hostile("shared ltrimstr", f"{SHARED} | ltrimstr({SHARED})", end="fails")
    yield Hostile("shared IN", f"({SHARED}) as $a | ({SHARED}) as $b | $a | IN($b)")
    yield Hostile("shared bsearch", f"({SHARED}) as $b | [{SHARED}] | bsearch($b)")
    yield Hostile("shared limit", f"[limit(1e9; {SHARED} | ..)] | length")
    yield Hostile("shared getpath", f"{SHARED} | [getpath(paths)] | length")


def _texts() -> Iterator[Hostile]:
    bomb = "a" * 5_000 + "b"
    yield Hostile("nested quantifier", 'test("^(a+)+$")', bomb, "either")
    yield Hostile("overlapping alternatives", 'test("^(a|a)*$")', bomb, "either")
    yield Hostile("nested stars", 'test("^(a*)*c")', bomb, "either")
    yield Hostile("many optional", f'test("{"a?" * 100}{"a" * 100}")', "a" * 100, "either")
    yield Hostile("counted repetition", 'test("((a{1,100}){1,100}){1,100}")', bomb, "fails")
    yield Hostile("huge counted repetition", 'test("a{1,1000000}")', bomb, "either")
    yield Hostile("pattern of a megabyte", 'test("(a|b)" * 200000)', bomb, "fails")
    yield Hostile("classes without end", r'test("[\\p{L}\\p{N}]{1000}" * 50)', bomb, "fails")
    yield Hostile("back reference", r'test("(a+)\\1+$")', bomb, "fails")
    yield Hostile("look-behind", 'test("(?<=a)b")', bomb, "fails")
    yield Hostile("patterns one after the other", '[range(1e6) | tostring as $p | "x" | test($p)]')
    yield Hostile("all suffixes", '[match("a.*"; "g")] | length', "ab" * 200_000, "either")
    yield Hostile("quadratic scan", '[scan("a+$")] | length', bomb * 40, "either")
    yield Hostile("every character", '[match("."; "g")] | length', TEXT)
    yield Hostile("empty pattern on long text", 'gsub(""; "xxxxxxxxxx")', TEXT)
    yield Hostile("every character replaced", 'gsub("x"; "yyyyyyyyyy")', TEXT)
    yield Hostile(
        "replacement with results", '[gsub("x"; "a", "b", "c")] | length', "x" * 30, "either"
    )
    yield Hostile(
        "many captures",
        'capture("' + "".join(f"(?<n{i}>a?)" for i in range(300)) + '"; "g")',
        bomb,
        "either",
    )
    yield Hostile("split into characters", 'split("") | length', TEXT)
    yield Hostile("split by a pattern", '[splits("")] | length', TEXT)
    yield Hostile("repeated split", '[range(1e5) as $i | split(" ")] | length', WORDS)
    yield Hostile("explode", "[explode, explode, explode] | length", TEXT)
    yield Hostile("implode of many", "[range(1e7) | 65] | implode")
    yield Hostile("implode of large numbers", "[1e18, -5, 1114112] | implode", None, "either")
    yield Hostile("ltrimstr on megabytes", '[range(1e6) as $i | ltrimstr("x")] | length', TEXT)
    yield Hostile("slices of megabytes", "[range(1e6) as $i | .[$i:]] | length", TEXT)
    yield Hostile("case of megabytes", "[range(1e5) as $i | ascii_downcase] | length", TEXT)
    yield Hostile("trim of megabytes", "[range(1e5) as $i | trim] | length", " " * 1_000_000)
    yield Hostile("search in megabytes", '[range(1e5) as $i | index("y")] | length', TEXT)
    yield Hostile("search with many hits", 'indices("x") | length', TEXT)
    yield Hostile(
        "search with a large needle",
        '("x" * 500000) as $n | [range(1e5) as $i | contains($n)]',
        TEXT,
    )
    yield Hostile(
        "comparison of megabytes",
        '. + "a" as $a | . + "b" as $b | [range(1e6) as $i | $a < $b]',
        TEXT,
    )
    yield Hostile(
        "equality of megabytes",
        '. + "a" as $a | . + "a" as $b | [range(1e6) as $i | $a == $b]',
        TEXT,
    )
    yield Hostile("length of megabytes", "[range(1e6) as $i | utf8bytelength] | length", TEXT)
    yield Hostile("join of megabytes", ". as $t | [range(100) | $t] | join($t)", TEXT)
    yield Hostile(
        "tojson and back", f"reduce range(1000) as $i ({WIDE}; tojson | fromjson) | length"
    )
    yield Hostile("tojson of tojson", "reduce range(60) as $i (.; tojson)", '"\\')
    yield Hostile("interpolation", r'[range(1e5) as $i | "\(.)\($i)" | length]', TEXT)
    yield Hostile("numbers in text", '("9" * 1000000) | tonumber', None, "either")
    yield Hostile("JSON number in text", '("9" * 1000000) | fromjson', None, "either")
    yield Hostile("base64 of megabytes", "[range(1e5) as $i | @base64 | length]", TEXT)
    yield Hostile("base32d of megabytes", "[range(1e5) as $i | @base32d]", "A" * 1_000_000, "fails")
    yield Hostile("date far away", "1e18 | todate", None, "fails")
    yield Hostile("date of infinity", "infinite | gmtime | mktime", None, "either")
    yield Hostile("date format of a megabyte", '0 | strftime("%c" * 500000)')
    yield Hostile(
        "date parts without end",
        "[1e300, 1e300, 1e300, 1e300, 1e300, 1e300, 0, 0] | mktime",
        None,
        "either",
    )
    yield Hostile("dates", '[range(1e6) | todate | strptime("%Y-%m-%dT%H:%M:%SZ") | mktime]')
    yield Hostile("ascii table", "[range(1e6) | [.] | implode] | add")
    yield Hostile("text of numbers", '[range(1e6) | tostring] | join(",")')


def _arrays() -> Iterator[Hostile]:
    many = [(7919 * number) % 100_003 for number in range(100_000)]
    yield Hostile("sort many", "[range(100) as $i | sort | length]", many)
    yield Hostile("sort many mixed", "[.[] | ., tostring, [.]] | sort | length", many)
    yield Hostile("sort by many", "sort_by(-., ., -.) | length", many)
    yield Hostile("sort by a generator", "[range(100)] | sort_by(range(1e6)) | length")
    yield Hostile("group many", "[range(100) as $i | group_by(. % 7) | length]", many)
    yield Hostile("unique many", "[range(100) as $i | unique | length]", many)
    yield Hostile("unique by", "[range(100) as $i | unique_by(. % 100) | length]", many)
    yield Hostile("minimum by", "[range(100) as $i | min_by(-.)] | length", many)
    yield Hostile("reverse many", "[range(1e5) as $i | reverse | length]", many)
    yield Hostile("add many", "[range(1e5) as $i | add]", many)
    yield Hostile("slices of many", "[range(1e5) as $i | .[1:] | length]", many)
    yield Hostile("difference of many", ". - [.[] + 1] | length", many)
    yield Hostile("difference of many arrays", "[.[] | [.]] | . - [[0]] - . | length", many)
    yield Hostile("membership", ". as $all | map(IN($all[])) | length", many)
    yield Hostile("index of", "[range(1e5) as $i | index(-1)] | length", many)
    yield Hostile("index of a part", "[range(1e5) as $i | indices([1, 2])] | length", many)
    yield Hostile("containment", ". as $all | contains($all)", many)
    yield Hostile("containment of texts", "map(tostring) | contains(.)", many)
    yield Hostile("flatten many", "[range(1000) as $i | flatten | length]", many)
    yield Hostile("transpose", "[range(1000) as $i | [., .] | transpose | length]", many)
    yield Hostile(
        "transpose uneven", "[[range(2000)], (range(2000) | [])] | transpose | map(length) | add"
    )
    yield Hostile("update many", "[range(1000) as $i | .[] |= . + 1 | length]", many)
    yield Hostile("delete one by one", "until(length == 0; del(.[0]))", many)
    yield Hostile("delete many", "del(.[]) | length", many, "either")
    yield Hostile("delete quadratically", "del(.[range(0; 100000; 2)]) | length", many, "either")
    yield Hostile("update by empty", "(.[] | select(. % 2 == 0)) |= empty | length", many, "either")
    yield Hostile("slices assigned", "reduce range(1e5) as $i (.; .[0:1] = [1, 2]) | length", many)
    yield Hostile(
        "entries", "[range(1000) as $i | with_entries(.) | length]", {str(n): n for n in many}
    )
    yield Hostile("keys", "[range(1000) as $i | keys | length]", {str(n): n for n in many})
    yield Hostile("has", "[range(1e7) as $i | has($i)] | length", many)
    yield Hostile(
        "merge",
        ". as $o | reduce range(1e5) as $i ({}; . * $o) | length",
        {str(n): n for n in many},
    )
    yield Hostile("join many", '[range(100) as $i | map(tostring) | join("-")] | length', many)
    yield Hostile("implode many", "[range(1000) as $i | implode | length]", many)
    yield Hostile("limit of many", "[range(1e6) as $i | first(.[])] | length", many)
    yield Hostile("stream of many", "fromstream(tostream) | length", many, "either")
    yield Hostile("stream that is broken", "fromstream(repeat([[0], 1]))")
    yield Hostile("truncated stream", "[1 | truncate_stream(repeat([[0, 1], 1]))] | length")
    yield Hostile("pick", "[range(1e5) as $i | pick(.[99999])] | length", many)
    yield Hostile("paths of a generator", "[path(repeat(.[0]?))] | length", many)
    yield Hostile("delpaths", "delpaths([range(1e5) | [.]]) | length", many, "either")
    yield Hostile("getpath", "[range(1e7) | getpath([])] | length")
    yield Hostile("bsearch", "[range(1e6) as $i | bsearch($i)] | length", sorted(many))
    yield Hostile("any of many", "[range(1e5) as $i | any(.[]; . < 0)]", many)
    yield Hostile("@csv of many", "[range(1000) as $i | @csv | length]", many)
    yield Hostile("tojson of many", "[range(1000) as $i | tojson | length]", many)
    yield Hostile(
        "object of many", r'[range(1e6) | {key: "\(.)", value: .}] | from_entries | length'
    )
    yield Hostile(
        "group by of deep", f"[range(3) as $i | {DEEP}] | group_by(.) | length", end="either"
    )
    yield Hostile("splits in a reduce", "reduce range(1e6) as $i (.; map(. + 1)) | length", many)


def _escapes() -> Iterator[Hostile]:
    yield Hostile("try in a loop", '[repeat(try error("x") catch .)]')
    yield Hostile("errors without end", "[range(infinite) | try error catch empty]")
    yield Hostile("errors in errors", "def f: try error catch f; 1 | f", end="fails")
    yield Hostile("optional without end", "[repeat(error?)]")
    yield Hostile("meter caught", 'try ([range(infinite)]) catch "alive"')
    yield Hostile("meter caught by ?", '([range(infinite)]?) // "alive"')
    yield Hostile("meter caught by ?//", "[[range(infinite)]] as [$a] ?// $a | $a")
    yield Hostile("recursion caught", 'def f: 1 + f; try f catch "alive"', end="fails")
    yield Hostile("recursion caught twice", "def f: 1 + f; [(f?), (f?), 1]", end="fails")
    yield Hostile("size caught", 'try ("x" * 1e9) catch "alive"', end="either")
    yield Hostile("size caught in a loop", "[repeat(try (. * 1e9) catch 0)]", "x")
    yield Hostile("error with a large value", 'try error("x" * 1000000) catch [repeat(.)]')
    yield Hostile("error that is an object", "error({a: [1, {b: 2}]})", end="fails")
    yield Hostile("error that is null", "error(null)", end="fails")
    yield Hostile("stop the process", "halt", end="refused")
    yield Hostile("stop the process with a code", "halt_error(5)", end="refused")
    yield Hostile("environment", "env", end="refused")
    yield Hostile("environment by variable", "$ENV.PATH", end="refused")
    yield Hostile("clock", "now", end="refused")
    yield Hostile("other inputs", "[inputs]", end="refused")
    yield Hostile("next input", "input", end="refused")
    yield Hostile("console", "debug", end="refused")
    yield Hostile("console with a message", 'debug("x")', end="refused")
    yield Hostile("module", 'import "a" as a; a::f', end="refused")
    yield Hostile("include", 'include "a"; f', end="refused")
    yield Hostile("brackets", "[" * 5_000 + "]" * 5_000, end="refused")
    yield Hostile("parentheses", "(" * 5_000 + "." + ")" * 5_000, end="refused")
    yield Hostile("braces", "{a:" * 4_000 + "1" + "}" * 4_000, end="refused")
    yield Hostile("signs", "-" * 10_000 + "1", end="refused")
    yield Hostile("conditions", "if . then " * 1_500 + "1" + " end" * 1_500, end="refused")
    yield Hostile("interpolations", r'"\(' * 3_000 + "1" + ')"' * 3_000, end="refused")
    yield Hostile(
        "definitions in definitions", "def f: " * 1_500 + "1" + "; f" * 1_500, end="refused"
    )
    yield Hostile("tries", "try " * 3_000 + "1", end="refused")
    yield Hostile("dots", "." + "[0]" * 5_000, end="either")
    yield Hostile("questions", "." + "?" * 10_000, end="either")
    yield Hostile("pipes", ".|" * 5_000 + ".", end="either")
    yield Hostile("commas", "1," * 5_000 + "1", end="either")
    yield Hostile("sums", "1+" * 5_000 + "1", end="either")
    yield Hostile("alternatives", "null//" * 2_500 + "1", end="either")
    yield Hostile("bindings", ". as $x|" * 1_800 + "$x", end="either")
    yield Hostile("definitions", "def f:.;" * 1_800 + "f", end="either")
    yield Hostile("longer than allowed", "1" + " " * 1_000_000, end="refused")
    yield Hostile("place", "[repeat($__loc__)]")
    yield Hostile("names of all functions", "[repeat(builtins)]")
    yield Hostile("format without end", "[repeat(@json)]")
    yield Hostile(
        "random walk of types", '[limit(1e7; repeat(if type == "null" then [] else tojson end))]'
    )


def _undercharged() -> Iterator[Hostile]:
    """What once took far longer, or more memory, than it was charged for."""
    found: dict[str, str] = {
        "positions of a long part": (
            "[range(16000) | 0] as $a | [range(8000) | 0] as $b | $a | indices($b) | length"
        ),
        "message with a long key": (
            '{("x" * 1900000): 1} as $o | [range(4000) | try ($o - 1) catch .] | length'
        ),
        "one text many times as JSON": '("x" * 2000000) as $s | [range(400) | $s] | tojson',
        "nothing that contains much": (
            '[range(8000) | "k\\(.)"] | map({(.): 1}) | add as $o '
            "| [range(3000) | {} | contains($o)]"
        ),
        "wide dates": '"%999999999d" * 5000 as $f | try (0 | strftime($f)) catch .',
        "composed dates": '"%c" * 8000 as $f | try (0 | strftime($f)) catch .',
        "split at what is nearly there": (
            '("a" * 29999) as $s | ("a" * 48 + "b" + "a" * 49) as $p '
            "| [range(380) | $s | split($p)] | length"
        ),
        "cube roots": "[range(16000) | . + 0.123] | map(cbrt)",
        "fused products": "[range(8000) | . + 0.3] | map(fma(.; 1.5e-300; 1e300))",
        "slices to delete": (
            "[range(9000)] | delpaths([range(1000) | [{start: 0, end: (9000 - .)}]])"
        ),
        "numbers joined": '[range(10000) | . / 7] as $a | [range(11) | $a | join(",")]',
        "numbers read": '"[" + ("1," * 100000) + "1]" | fromjson',
        "dates made": "[range(1e6) | gmtime]",
        "dates counted": "[2024, 1, 1, 1, 1, 1, 0, 0] as $t | [range(1e6) | $t | mktime]",
        "wide characters escaped": '("\U0001f600" * 480000) | @uri',
        "wide characters in capitals": '("é" * 10000) as $s | [range(1e6) | $s | ascii_upcase]',
        "numbers as cells": "[range(1000) | . / 7] as $a | [range(1e6) | $a | @csv]",
        "one place many times": 'getpath(range(60) | ["a"]) |= [., .]',
        "one place deeper and deeper": 'getpath(range(1000) | ["a"]) |= [.]',
        "fractions as JSON": "[range(100000) | . / 7] | tojson",
        "fractions as keys": "[range(100000) | . / 7] | INDEX(.)",
        "rows that are no rows": "[range(150000)] | transpose",
        "constants many times": "[range(5000)] | [" + ".," * 200 + ".]",
    }
    for name, program in found.items():
        yield Hostile(name, program, {"a": 1}, end="either")
    shapes = "."
    for _ in range(14):
        shapes = f"def f(g): def h: {shapes}; h,g; f(.),f(empty),f(.,.)"
    yield Hostile("functions in all shapes", shapes, end="refused")
    yield Hostile("a long blank", "." + " " * 16_000, end="either")


HOSTILE: Final = [
    *_generators(),
    *_recursion(),
    *_growth(),
    *_shared(),
    *_texts(),
    *_arrays(),
    *_escapes(),
    *_undercharged(),
]


def attempt(hostile: Hostile) -> Outcome:
    """Run one attack."""
    before = fuel_spent()
    try:
        compile_expression(hostile.program).outputs(hostile.value)
    except Exception as error:  # noqa: BLE001 - whatever it is, its name tells that it is not ours
        mistake = None if isinstance(error, ExpressionSyntaxError) else hidden_mistake(error)
        ended, message = mistake or type(error).__name__, str(error)[:200]
    else:
        ended, message = "value", ""
    return Outcome(hostile.name, ended, message, fuel_spent() - before)


def fits(hostile: Hostile, outcome: Outcome) -> bool:
    """Tell whether it ended as it has to."""
    stopped = {OutOfFuelError.__name__, TooLargeError.__name__}
    failed = {*stopped, ExpressionError.__name__}
    match hostile.end:
        case "stopped":
            return outcome.ended in stopped
        case "fails":
            return outcome.ended in failed
        case "refused":
            return outcome.ended.endswith("SyntaxError") or outcome.ended == "UnknownFunctionError"
        case "either":
            return outcome.ended in {*failed, ExpressionSyntaxError.__name__, "value"}


def milliseconds(hostile: Hostile) -> float:
    """Measure one attack, compiled already."""
    attempt(hostile)
    started = time.perf_counter()
    attempt(hostile)
    return (time.perf_counter() - started) * 1000


def _below(frames: int, action: Callable[[], Outcome]) -> Outcome:
    return _below(frames - 1, action) if frames else action()


def _in_a_worker(hostile: Hostile) -> Outcome:
    """Run it where a workflow's code runs: in a thread, below other frames."""
    found: list[Outcome] = []
    thread = threading.Thread(
        target=lambda: found.append(_below(FRAMES_ABOVE, lambda: attempt(hostile)))
    )
    thread.start()
    thread.join()
    return found[0]


def main(shard: int, shards: int) -> None:
    """Run a share of them; each twice, the second time as in a worker."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for hostile in HOSTILE[shard::shards]:
        outcomes = [attempt(hostile), _in_a_worker(hostile)]
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        lines = {"outcomes": [asdict(each) for each in outcomes], "max_rss_kb": grown}
        sys.stdout.write(json.dumps(lines) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
