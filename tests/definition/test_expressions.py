"""Expressions are found wherever they can stand, and what they read is there."""

import pytest

from tests.definition.documents import HEAD, codes, errors, only, with_tasks
from workflows.definition import validate

CALL = "- a: { call: http, with: { method: get, endpoint: 'https://e.com', %s } }"
RAISE = "- a: { raise: { error: { type: 'https://e.com', status: 400, %s } } }"

# A bad expression in every place where one can stand: (text, pointer).
BARE = "'.a ~ .b'"
WRAPPED = "'${ .a ~ .b }'"
PLACES = [
    (f"{HEAD}input: {{ from: {BARE} }}\ndo: []", "/input/from"),
    (f"{HEAD}input: {{ from: {{ x: {WRAPPED} }} }}\ndo: []", "/input/from/x"),
    (f"{HEAD}output: {{ as: {BARE} }}\ndo: []", "/output/as"),
    (f"{HEAD}timeout: {{ after: {WRAPPED} }}\ndo: []", "/timeout/after"),
    (
        f"{HEAD}use: {{ authentications: {{ x: {{ bearer: {{ token: {WRAPPED} }} }} }} }}\ndo: []",
        "/use/authentications/x/bearer/token",
    ),
    (
        (
            f"{HEAD}use: {{ errors: {{ x: {{ type: 'https://e.com', status: 1, "
            f"title: {WRAPPED} }} }} }}\ndo: []"
        ),
        "/use/errors/x/title",
    ),
    (
        f"{HEAD}use: {{ timeouts: {{ x: {{ after: {WRAPPED} }} }} }}\ndo: []",
        "/use/timeouts/x/after",
    ),
    (
        f"{HEAD}use: {{ functions: {{ x: {{ set: {WRAPPED} }} }} }}\ndo: []",
        "/use/functions/x/set",
    ),
    (with_tasks(f"- a: {{ set: {{ x: 1 }}, if: {BARE} }}"), "/do/0/a/if"),
    (with_tasks(f"- a: {{ set: {{ x: 1 }}, input: {{ from: {BARE} }} }}"), "/do/0/a/input/from"),
    (with_tasks(f"- a: {{ set: {{ x: 1 }}, output: {{ as: {BARE} }} }}"), "/do/0/a/output/as"),
    (
        with_tasks(f"- a: {{ set: {{ x: 1 }}, export: {{ as: {{ b: [{WRAPPED}] }} }} }}"),
        "/do/0/a/export/as/b/0",
    ),
    (
        with_tasks(f"- a: {{ set: {{ x: 1 }}, timeout: {{ after: {WRAPPED} }} }}"),
        "/do/0/a/timeout/after",
    ),
    (with_tasks(f"- a: {{ set: {WRAPPED} }}"), "/do/0/a/set"),
    (with_tasks(f"- a: {{ wait: {WRAPPED} }}"), "/do/0/a/wait"),
    (with_tasks(f"- a: {{ wait: {{ seconds: 1 }}, if: {WRAPPED} }}"), "/do/0/a/if"),
    (with_tasks(f"- a: {{ for: {{ in: {BARE} }}, do: [] }}"), "/do/0/a/for/in"),
    (with_tasks(f"- a: {{ for: {{ in: [ {{ x: {WRAPPED} }} ] }}, do: [] }}"), "/do/0/a/for/in/0/x"),
    (with_tasks(f"- a: {{ for: {{ in: . }}, while: {BARE}, do: [] }}"), "/do/0/a/while"),
    (
        with_tasks(f"- a: {{ switch: [ {{ b: {{ when: {BARE}, then: end }} }} ] }}"),
        "/do/0/a/switch/0/b/when",
    ),
    (with_tasks(f"- a: {{ try: [], catch: {{ when: {BARE} }} }}"), "/do/0/a/catch/when"),
    (
        with_tasks(f"- a: {{ try: [], catch: {{ exceptWhen: {BARE} }} }}"),
        "/do/0/a/catch/exceptWhen",
    ),
    (
        with_tasks(f"- a: {{ try: [], catch: {{ errors: {{ with: {{ title: {WRAPPED} }} }} }} }}"),
        "/do/0/a/catch/errors/with/title",
    ),
    (
        with_tasks(
            f"- a: {{ emit: {{ event: {{ with: {{ type: t, data: {{ x: {WRAPPED} }} }} }} }} }}"
        ),
        "/do/0/a/emit/event/with/data/x",
    ),
    (with_tasks(RAISE % f"detail: {WRAPPED}"), "/do/0/a/raise/error/detail"),
    (with_tasks(CALL % f"body: [[{WRAPPED}]]"), "/do/0/a/with/body/0/0"),
    (with_tasks(CALL % f"headers: {{ A: {WRAPPED} }}"), "/do/0/a/with/headers/A"),
    (with_tasks(CALL % f"query: {WRAPPED}"), "/do/0/a/with/query"),
    (
        with_tasks(f"- a: {{ call: http, with: {{ method: get, endpoint: {WRAPPED} }} }}"),
        "/do/0/a/with/endpoint",
    ),
    (
        with_tasks(
            "- a: { call: mcp.tool, with: { server: s, tool: t, "
            f"arguments: {{ x: {WRAPPED} }} }} }}"
        ),
        "/do/0/a/with/arguments/x",
    ),
    (with_tasks(f"- a: {{ do: [ {{ b: {{ set: {WRAPPED} }} }} ] }}"), "/do/0/a/do/0/b/set"),
    (
        with_tasks(f"- a: {{ fork: {{ branches: [ {{ b: {{ set: {WRAPPED} }} }} ] }} }}"),
        "/do/0/a/fork/branches/0/b/set",
    ),
]


@pytest.mark.parametrize(("text", "pointer"), PLACES)
def test_an_expression_that_does_not_parse_is_found_wherever_it_stands(
    text: str, pointer: str
) -> None:
    found = only(text)
    assert (found.code, found.pointer) == ("expression-syntax", pointer)
    assert found.message.startswith("This is not a jq expression: ")


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        *((text, "unknown-function") for text in ("now", "env", "input", "halt", "nothing(1)")),
        *(
            (text, "expression-syntax")
            for text in ("$ENV.PATH", "(" * 100, "1" * 5000, "." * 20_000)
        ),
    ],
)
def test_an_expression_that_the_engine_refuses_is_a_finding(expression: str, code: str) -> None:
    found = only(with_tasks(f"- a: {{ set: {{ b: '${{ {expression} }}' }} }}"))
    assert found.code == code
    assert len(found.message) < 400


@pytest.mark.parametrize(
    "tasks",
    [
        "- a: { set: { x: '${ [$context, $input, $task, $workflow, $runtime] }' } }",
        "- a: { set: { x: 1 }, output: { as: '[., $input, $context, $task]' } }",
        "- a: { set: { x: 1 }, export: { as: '$context + {x: $output}' } }",
        "- a: { set: { x: 1 }, if: $context.go and $workflow.input.x, input: { from: $context } }",
        "- a: { for: { in: .x }, while: $item > $index, do: [ { b: { set: '${ $item }' } } ] }",
        "- a: { for: { each: p, at: n, in: .x }, do: [ { b: { set: { y: '${ [$p, $n] }' } } } ] }",
        (
            "- a: { for: { each: p, in: .x }, do: [ { b: { for: { each: q, in: $p }, do: "
            "[ { c: { if: $p == $q, set: { y: 1 } } } ] } } ] }"
        ),
        "- a: { try: [], catch: { as: e, when: $e.x == 4, do: [ { b: { set: '${ $e }' } } ] } }",
        "- a: { try: [], catch: { do: [ { b: { set: { x: '${ $error }' } } } ] } }",
        "- a: { set: { x: '${ . as $y | $y | reduce .[] as $z (0; . + $z) }' } }",
    ],
)
def test_variables_can_be_read_where_the_language_has_them(tasks: str) -> None:
    assert validate(with_tasks(tasks)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}input: {{ from: $context }}\ndo: []", "'$context' is not available here"),
        (f"{HEAD}output: {{ as: $input }}\ndo: []", "use '.', which is the input"),
        (with_tasks("- a: { set: { x: 1 }, if: $input.x }"), "use '.', which is the input"),
        (with_tasks("- a: { set: { x: '${ $output }' } }"), "'$output' is not available here"),
        (
            with_tasks("- a: { for: { each: pet, in: $pet }, do: [] }"),
            "There is no variable '$pet' here",
        ),
        (
            with_tasks("- a: { for: { each: pet, in: . }, do: [], output: { as: $pet } }"),
            "There is no variable '$pet' here",
        ),
        (
            with_tasks(
                "- a: { for: { each: pet, in: . }, do: [ { b: { set: { x: '${ $pets }' } } } ] }"
            ),
            "Did you mean 'pet'?",
        ),
        (with_tasks("- a: { try: [], catch: { as: e, when: $error } }"), "no variable '$error'"),
    ],
)
def test_a_variable_that_is_not_there_is_found(text: str, message: str) -> None:
    found = only(text)
    assert found.code == "unknown-variable"
    assert message in found.message


def test_a_function_does_not_see_the_variables_of_its_caller() -> None:
    more = "use: { functions: { f: { set: { x: '${ $item }' } } } }\n"
    text = with_tasks("- a: { for: { in: . }, do: [ { b: { call: f } } ] }", more=more)
    assert only(text).pointer == "/use/functions/f/set/x"


@pytest.mark.parametrize("name", ["secrets", "authorization"])
def test_what_cannot_be_read_yet_is_refused(name: str) -> None:
    assert only(with_tasks(f"- a: {{ set: {{ x: '${{ ${name}.a }}' }} }}")).code == (
        "not-supported-yet"
    )


@pytest.mark.parametrize(
    "text",
    [".customer", " .a.b[0].c ", "$input.x", "Hello ${ .name }", "${ .a", "${ .a } and more"],
)
def test_text_that_looks_as_if_it_were_evaluated_is_a_warning(text: str) -> None:
    document = with_tasks(f"- a: {{ set: {{ x: '{text}' }} }}")
    assert codes(document) == ["not-evaluated"]
    assert errors(document) == []


@pytest.mark.parametrize("text", ["$5", "$unknown", ".5", "...", ". . .", "a.b", "$"])
def test_other_text_is_just_text(text: str) -> None:
    assert validate(with_tasks(f"- a: {{ set: {{ x: '{text}' }} }}")) == []


def test_data_that_is_never_evaluated_is_not_checked() -> None:
    schema = "{ schema: { document: { const: '${ ~ }', default: '.x' } } }"
    tasks = f"- a: {{ set: {{ x: 1 }}, metadata: {{ m: '${{ ~ }}' }}, input: {schema} }}"
    assert validate(with_tasks(tasks)) == []


@pytest.mark.parametrize(
    ("tasks", "pointer"),
    [
        ("- a: { set: text }", "/do/0/a/set"),
        (
            "- a: { call: http, with: { method: '${ .m }', endpoint: 'https://e.com' } }",
            "/do/0/a/with/method",
        ),
        (
            "- a: { call: http, with: { method: '', endpoint: 'https://e.com' } }",
            "/do/0/a/with/method",
        ),
        ('- a: { wait: "${\\n.x }" }', "/do/0/a/wait"),
        (
            '- a: { call: http, with: { method: get, endpoint: "${\\n.x }" } }',
            "/do/0/a/with/endpoint",
        ),
    ],
)
def test_an_expression_in_the_wrong_place_or_form_is_found(tasks: str, pointer: str) -> None:
    found = only(with_tasks(tasks))
    assert (found.code, found.pointer) == ("wrong-value", pointer)


@pytest.mark.parametrize(
    ("loop", "code"),
    [
        ("each: input", "reserved-name"),
        ("at: context", "reserved-name"),
        ("each: '$x'", "wrong-value"),
        ("each: 'a b'", "wrong-value"),
        ("each: ENV", "wrong-value"),
        ("each: x, at: x", "duplicate-name"),
    ],
)
def test_a_variable_needs_a_name_of_its_own(loop: str, code: str) -> None:
    found = validate(with_tasks(f"- a: {{ for: {{ in: ., {loop} }}, do: [] }}"))
    assert {each.code for each in found} == {code}


def test_other_languages_and_modes_are_refused() -> None:
    assert only(f"{HEAD}evaluate: {{ mode: loose }}\ndo: []").code == "not-supported-yet"
    text = with_tasks(
        "- a: { set: { x: '${ const y = 1; }' } }", more="evaluate: { language: js }\n"
    )
    assert only(text).code == "expression-language"
