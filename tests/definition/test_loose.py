"""`evaluate: { mode: loose }`: any text is an expression, and stays text when it cannot be one."""

from typing import Any

import pytest

from foundation.json import JsonValue
from tests.definition.documents import HEAD
from workflows.definition import prepare, validate
from workflows.expressions import OutOfFuelError, compile_template

LOOSE = f"{HEAD}evaluate: {{ mode: loose }}\n"
DATA: JsonValue = {"a": {"b": 1}, "x": "y", "list": [1, 2]}


def strict(task: str, more: str = "") -> Any:
    document: Any = prepare(f"{LOOSE}{more}do: [ {{ a: {{ {task} }} }} ]").document
    return document["do"][0]["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (".a.b", 1),
        (".x", "y"),
        ("$context.n", 7),
        (".list | length", 2),
        ("1 + 2", 3),
        ("true", True),
        ('"quoted"', "quoted"),
        (".a # comment", {"b": 1}),
        # What cannot be evaluated is text.
        ("hello", "hello"),
        ("hello world", "hello world"),
        ("2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z"),
        ("$unknown", "$unknown"),
        (".x + {}", ".x + {}"),
        ('error("no")', 'error("no")'),
        ('.x + {} | "\\(.)"', '.x + {} | "\\(.)"'),
        ("", ""),
        # What gives no value, or several, is not one: no half of it is what was written.
        ("10,20", "10,20"),
        ("52.5, 13.4", "52.5, 13.4"),
        ("1,2 # EUR", "1,2 # EUR"),
        (".list[]", ".list[]"),
        ("..", ".."),
        ("empty", "empty"),
        (".list[] | select(. > 2)", ".list[] | select(. > 2)"),
        ('1, error("no")', '1, error("no")'),
        ("range(1000000000)", "range(1000000000)"),
        # One that could have given others is the one that it gives.
        (".list[] | select(. > 1)", 2),
        (".list[] | select(. == 1) | null", None),
        ("first(.list[])", 1),
        ("[.list[]]", [1, 2]),
        ("$context.n as $n | .list[] | select(. + $n == 9)", 2),
        ("def limit(n; f): 3; limit(1; 2) | (., empty)", 3),
        # What the strict mode evaluates, the loose one does.
        ("${ .x }", "y"),
        ("x is ${ .x }", "x is y"),
        ("${ .list[] }", 1),
        ("${ empty }", None),
    ],
)
def test_a_text_is_its_value_or_itself(text: str, value: JsonValue) -> None:
    quoted = text.replace("'", "''")
    task = strict(f"set: {{ v: '{quoted}', nested: [ {{ v: '{quoted}' }} ] }}")
    found = compile_template(task["set"]).evaluate(DATA, {"context": {"n": 7}})
    assert found == {"v": value, "nested": [{"v": value}]}


@pytest.mark.parametrize(
    "task",
    [
        "run: { shell: { command: ls }, return: all }",
        "run: { workflow: { namespace: first, name: last, version: '1.0.0' } }",
        "call: http, with: { method: get, endpoint: 'https://e.com', output: content }",
        "wait: PT1S",
        "set: { a: hello }",
        "call: approval, with: { title: keys, data: values, candidates: { roles: [ admin ] } }",
        "emit: { event: { with: { type: com.example.order } } }",
    ],
)
def test_texts_that_have_a_meaning_stay_as_they_are(task: str) -> None:
    document = prepare(f"{HEAD}do: [ {{ a: {{ {task} }} }} ]").document
    loose = prepare(f"{LOOSE}do: [ {{ a: {{ {task} }} }} ]").document
    assert loose["do"] == document["do"]


@pytest.mark.parametrize(
    ("task", "key"),
    [
        ("set: .a", "set"),
        ("wait: .a", "wait"),
        ("call: http, with: { method: get, endpoint: .a }", "with"),
        ("raise: { error: { type: 'https://e.com', status: 400, detail: .a } }", "raise"),
        ("run: { shell: { command: cat, arguments: [ .a ] } }", "run"),
    ],
)
def test_a_field_that_takes_an_expression_takes_one_without_marks(task: str, key: str) -> None:
    assert "try (.a) catch" in str(strict(task)[key])


def test_what_runs_is_strict_and_says_so() -> None:
    document = prepare(f"{LOOSE}do: [ {{ a: {{ set: {{ b: .c }} }} }} ]").document
    assert document["evaluate"] == {"mode": "strict"}


@pytest.mark.parametrize(
    "text", ["reduce range(1000000) as $n (0; . + $n)", "[range(1000000)] | .[], 1"]
)
def test_what_goes_beyond_the_budget_fails_as_always(text: str) -> None:
    template = compile_template(strict(f"set: {{ v: '{text}' }}")["set"])
    with pytest.raises(OutOfFuelError, match="steps"):
        template.evaluate(DATA, {})


def test_what_can_give_several_values_is_warned_of_as_ever() -> None:
    schema = "input: { schema: { document: { type: object, properties: { l: { type: array } }, additionalProperties: false } } }\n"  # noqa: E501
    assert validate(f"{LOOSE}{schema}do: [ {{ a: {{ set: {{ b: '.l[]' }} }} }} ]") == []
    (found,) = validate(f"{LOOSE}{schema}do: [ {{ a: {{ set: {{ b: '.m[]' }} }} }} ]")
    assert (found.code, found.pointer) == ("unknown-path", "/do/0/a/set/b")


def test_a_condition_fails_as_always() -> None:
    task = strict("if: '.a + {}', set: { a: 1 }, output: { as: .x }")
    assert (task["if"], task["output"]) == (".a + {}", {"as": ".x"})


def test_a_secret_does_not_flow_where_it_may_not() -> None:
    more = "use: { secrets: [ erp ] }\n"
    (found,) = validate(f"{LOOSE}{more}do: [ {{ a: {{ set: {{ b: $secrets.erp }} }} }} ]")
    assert (found.code, found.pointer) == ("secret-flow", "/do/0/a/set/b")


def test_javascript_is_refused_by_name() -> None:
    (found,) = validate(f"{HEAD}evaluate: {{ language: javascript }}\ndo: []")
    assert (found.code, found.pointer) == ("expression-language", "/evaluate/language")
    assert "'javascript'" in found.message
