"""What docs/expressions.md says is so."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.expressions.test_against_c_jq import EXPLAINED
from tests.shared_data import ROOT
from workflows.expressions import ExpressionError, ExpressionSyntaxError, compile_expression
from workflows.expressions.builtins.excluded import EXCLUDED

PAGE = (ROOT / "docs/expressions.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> Iterator[list[str]]:
    for line in section(title).splitlines():
        if line.startswith("| `"):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


EXAMPLES = [tuple(cell.strip("`") for cell in row) for row in rows("By example")]


@pytest.mark.parametrize(("program", "value", "output"), EXAMPLES)
def test_the_examples_are_true(program: str, value: str, output: str) -> None:
    assert compile_expression(program).evaluate(json.loads(value), {}) == json.loads(output)


def test_the_table_was_read() -> None:
    assert len(EXAMPLES) > 10


def test_what_is_refused_is_what_the_page_says() -> None:
    told = {name for row in rows("What there is") for name in re.findall(r"`([^`]+)`", row[0])}
    unsaid = {"get_prog_origin", "get_jq_origin"}
    assert told - {"import", "include"} == set(EXCLUDED) - unsaid
    for name in told - {"import", "include"}:
        with pytest.raises(ExpressionSyntaxError):
            compile_expression(name)


def test_the_error_is_the_one_that_is_shown() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(".line.limits.max * 2").evaluate({"line": {"id": 1, "name": "P1"}}, {})
    assert str(caught.value) in section("Errors")


def test_every_reason_for_a_difference_is_told() -> None:
    assert [reason for reason in EXPLAINED if reason not in section("Differences from C jq")] == []
