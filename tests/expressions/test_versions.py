"""Several meanings of the language live side by side; who pinned one keeps it."""

from typing import Any

import pytest

from workflows.expressions import (
    CURRENT,
    OutOfFuelError,
    UnknownVersionError,
    Version,
    compile_expression,
    version_named,
)
from workflows.expressions.compiler.code import Code


def length_of_another_age(_node: Any, _scope: Any, _located: bool) -> Code:
    return Code(one=lambda _value, _env, _run: 42)


OLD = Version("jq-0", fuel=500, replaced={("length", 0): length_of_another_age})


def test_a_builtin_may_have_meant_something_else() -> None:
    assert compile_expression("length", OLD).evaluate([1], {}) == 42
    assert compile_expression("length").evaluate([1], {}) == 1
    assert compile_expression("[.[] | length]", OLD).evaluate([[1], 2], {}) == [42, 42]


def test_a_budget_may_have_been_another_one() -> None:
    with pytest.raises(OutOfFuelError, match="500 steps"):
        compile_expression("[range(1000)] | length == 0", OLD).evaluate(None, {})
    assert compile_expression("[range(1000)] | .[-1]").evaluate(None, {}) == 999


def test_versions_have_names() -> None:
    assert version_named(CURRENT.name) is CURRENT
    with pytest.raises(UnknownVersionError, match="Known: jq-1"):
        version_named("jq-99")
