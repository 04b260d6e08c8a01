"""jq's own tests: at least 98 % pass, and everything else is told in the documentation."""

from typing import Final

import pytest

from tests.expressions.jq_tests import Case, found_and_wanted, jq_test_file, read_cases
from tests.shared_data import ROOT
from workflows.expressions import ExpressionSyntaxError, compile_expression

CASES: Final = read_cases(jq_test_file().read_text(encoding="utf-8"))
REFUSED: Final = [case for case in CASES if case.must_not_compile]
EXCLUDED: Final = [case for case in CASES if case.needs_excluded and not case.must_not_compile]
RUN: Final = [case for case in CASES if not case.needs_excluded and not case.must_not_compile]
NEEDED_SHARE: Final = 0.98

# Program -> why ours does something else. `docs/expressions.md` has the same list.
_EXACT: Final = "integers are exact to 2^63"
_DOUBLE: Final = "what is no integer is a double"
KNOWN_DIFFERENCES: Final[dict[str, str]] = {
    ". - 10": _EXACT,
    ".[0] - 10": _EXACT,
    ".x - 10": _EXACT,
    ".[] as $n | $n+0 | [., tostring, . == $n]": _EXACT,
    (
        '-. | tojson == if have_decnum then "0.12345678901234567890123456789" '
        'else "0.12345678901234568" end'
    ): _DOUBLE,
    (
        '[1E+1000,-1E+1000 | tojson] == if have_decnum then ["1E+1000","-1E+1000"] '
        'else ["1.7976931348623157e+308","-1.7976931348623157e+308"] end'
    ): _DOUBLE,
    (
        '[1E+1000,-1E+1000 | abs | tojson] | unique == if have_decnum then ["1E+1000"] '
        'else ["1.7976931348623157e+308"] end'
    ): _DOUBLE,
    (
        '[1E+1000,-1E+1000 | length | tojson] | unique == if have_decnum then ["1E+1000"] '
        'else ["1.7976931348623157e+308"] end'
    ): _DOUBLE,
    (
        'last(range(365 * 67)|("1970-03-01T01:02:03Z"|strptime("%Y-%m-%dT%H:%M:%SZ")|mktime) + '
        '(86400 * .)|strftime("%Y-%m-%dT%H:%M:%SZ")|strptime("%Y-%m-%dT%H:%M:%SZ"))'
    ): "the budget: over 24,000 dates",
    ". as $foo | [$foo, $bar]": "variables may come from outside; publishing refuses others",
}
PAGE: Final = (ROOT / "docs/expressions.md").read_text(encoding="utf-8").replace("\\|", "|")


def line_of(case: Case) -> str:
    return f"line {case.line}"


@pytest.mark.parametrize("case", RUN, ids=line_of)
def test_it_does_what_jq_does_except_for_known_differences(case: Case) -> None:
    found, wanted = found_and_wanted(case)
    if case.program in KNOWN_DIFFERENCES:
        assert found != wanted, "This passes: take it out of the table and the documentation."
    else:
        assert found == wanted


@pytest.mark.parametrize("case", REFUSED, ids=line_of)
def test_what_jq_refuses_to_compile_is_refused(case: Case) -> None:
    if case.program in KNOWN_DIFFERENCES:
        compile_expression(case.program)
        return
    with pytest.raises(ExpressionSyntaxError):
        compile_expression(case.program)


@pytest.mark.parametrize("case", EXCLUDED, ids=line_of)
def test_what_has_no_place_in_a_workflow_is_refused(case: Case) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_expression(case.program)


def test_enough_cases_pass() -> None:
    # Each case asserts for itself that it passes or is known, so this need not run them again.
    passed = sum(case.program not in KNOWN_DIFFERENCES for case in RUN)
    assert passed >= NEEDED_SHARE * len(RUN)


def test_the_file_was_read_as_a_whole() -> None:
    assert len(RUN) > 500
    assert len(REFUSED) > 15
    assert len(EXCLUDED) > 10


@pytest.mark.parametrize("program", KNOWN_DIFFERENCES)
def test_a_known_difference_is_a_case_and_is_documented(program: str) -> None:
    assert program in {case.program for case in CASES}
    assert f"`{program}`" in PAGE
