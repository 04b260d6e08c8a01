"""A reader for jq's own tests: blocks of a program, its input and the outputs it must have."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import isnan
from pathlib import Path
from sys import float_info
from typing import Any

import pytest

from tests.shared_data import FOLDER
from workflows.expressions import ExpressionError, compile_expression

# An engine in a durable workflow has none of these. Not after a dot or a dollar: there it is a key
# or a variable; not in front of a colon: there it is a key of an object.
EXCLUDED = re.compile(
    r"(?<![.$\w\"])(?:env|now|localtime|strflocaltime|inputs?|debug|stderr|halt|halt_error"
    r"|input_filename|input_line_number|get_search_list|modulemeta|import|include)(?![\w\"]|\s*:)"
    r"|\$ENV\b"
)
_STRING_OR_NAN = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:nan|NaN)\b')
# Marks the place of an error among the outputs.
FAILED = "\0failed"


@dataclass(frozen=True)
class Case:
    """One block of the file.

    Attributes:
        line: Where its program stands.
        value: The input; None also when `must_not_compile`.
    """

    line: int
    program: str
    value: Any = None
    outputs: tuple[Any, ...] = ()
    must_not_compile: bool = False

    @property
    def needs_excluded(self) -> bool:
        """Tell whether it calls what has no place in a workflow."""
        return EXCLUDED.search(self.program) is not None


def find_jq_test_file() -> Path | None:
    """Find the file, if it is there."""
    named = os.environ.get("MILLWRIGHT_JQ_TESTS")
    path = Path(named) if named else FOLDER / "data/jq/jq.test"
    if path.exists():
        return path
    if named or os.environ.get("MILLWRIGHT_TEST_REQUIRE_SHARED"):
        raise FileNotFoundError(f"{path} is required and was not found.")
    return None


def jq_test_file() -> Path:
    """Find the file; skips the whole test module when it is not there."""
    path = find_jq_test_file()
    if path is None:
        pytest.skip("skipped: no jq.test (set MILLWRIGHT_JQ_TESTS)", allow_module_level=True)
    return path


def read_cases(text: str) -> list[Case]:
    """Read all blocks."""
    return [_case(block) for block in _blocks(text)]


def _blocks(text: str) -> Iterator[list[tuple[int, str]]]:
    # Not `splitlines`: programs hold characters that it takes for ends of lines.
    lines = [
        (number, line)
        for number, line in enumerate(text.split("\n"), start=1)
        if not line.startswith("#")
    ]
    for blank, block in groupby(lines, key=lambda each: not each[1].strip()):
        if not blank:
            yield list(block)


def _case(block: list[tuple[int, str]]) -> Case:
    first, *rest = block
    if first[1].startswith("%%FAIL"):
        line, program = rest[0]
        return Case(line, program, must_not_compile=True)
    value, *outputs = (read_json(each) for _, each in rest)
    return Case(*first, value, tuple(outputs))


def read_json(text: str) -> Any:
    """Read JSON as jq does: also `nan`, and with a byte order mark."""
    spelled = _STRING_OR_NAN.sub(
        lambda found: found[0] if found[0].startswith('"') else "NaN", text.lstrip("\ufeff")
    )
    return json.loads(spelled)


def outputs_of(program: str, value: Any) -> tuple[Any, ...]:
    """Return what our engine makes of it; an error stands at its place as `FAILED`."""
    try:
        return tuple(compile_expression(program).outputs(value))
    except ExpressionError:
        # jq's tests want the outputs in front of an error, which we never give away.
        caught = f"try ({program}\n) catch {json.dumps(FAILED)}"
    try:
        return tuple(compile_expression(caught).outputs(value))
    except ExpressionError:
        return (FAILED,)


def found_and_wanted(case: Case) -> tuple[list[Any], list[Any]]:
    """Return what our engine does with it and what jq does, in forms that `==` can compare."""
    found = outputs_of(case.program, case.value)
    if found[-1:] == (FAILED,) and len(found) > len(case.outputs):
        # As jq's own runner: what comes behind the last output is not compared.
        found = found[:-1]
    return [_plain(each) for each in found], [_plain(each) for each in case.outputs]


def _plain(value: Any) -> Any:
    """Give a value a form in which `==` is what jq means by equal, and booleans are no numbers."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, float):
        return None if isnan(value) else max(min(value, float_info.max), -float_info.max)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value
