"""Expressions are found wherever they can stand, and what they read is there."""

import pytest

from tests.definition.documents import HEAD, codes, errors, only, with_tasks
from workflows.definition import validate

CALL = "- a: { call: http, with: { method: get, endpoint: 'https://e.com', %s } }"
TAKE = (
    "- a: { call: asyncapi, with: { document: { endpoint: 'https://e.com' }, operation: o, "
    "subscription: { %s } } }"
)
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
    (
        with_tasks(TAKE % f"filter: {WRAPPED}, consume: {{ amount: 1 }}"),
        "/do/0/a/with/subscription/filter",
    ),
    *(
        (
            with_tasks(TAKE % f"consume: {{ {key}: {WRAPPED} }}"),
            f"/do/0/a/with/subscription/consume/{key}",
        )
        for key in ("while", "until")
    ),
    (
        with_tasks(TAKE % f"consume: {{ amount: 1, for: {WRAPPED} }}"),
        "/do/0/a/with/subscription/consume/for",
    ),
    (
        with_tasks(TAKE % f"consume: {{ amount: 1 }}, foreach: {{ output: {{ as: {BARE} }} }}"),
        "/do/0/a/with/subscription/foreach/output/as",
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
    assert len(found.message) <= 600
    for line in found.message.split("\n")[1:]:
        assert len(line) <= 140


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
        (
            "- a: { call: asyncapi, with: { document: { endpoint: 'https://e.com' }, operation: o, "
            "subscription: { filter: '${ .payload.n > $context.n }', consume: { while: "
            "'${ $input.go }', for: '${ .time }' }, foreach: { item: m, at: i, do: "
            "[ { b: { set: { x: '${ [$m, $i] }' } } } ], output: { as: '${ [., $m] }' }, "
            "export: { as: '${ [$output, $i] }' } } } } }"
        ),
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


SECRET = "'${ $secrets.a }'"
POLICY = f"{{ bearer: {{ token: {SECRET} }} }}"
LEAKS = [
    (with_tasks(f"- a: {{ set: {{ x: [{SECRET}] }} }}"), "/do/0/a/set/x/0"),
    (with_tasks("- a: { set: { x: 'Bearer ${ $secrets.a }' } }"), "/do/0/a/set/x"),
    (with_tasks("- a: { set: { x: 1 }, if: $authorization.parameter }"), "/do/0/a/if"),
    (with_tasks("- a: { set: { x: 1 }, export: { as: $secrets } }"), "/do/0/a/export/as"),
    (with_tasks(CALL % "body: 1 }, output: { as: '. + $secrets.a'"), "/do/0/a/output/as"),
    (with_tasks(f"- a: {{ wait: {SECRET} }}"), "/do/0/a/wait"),
    (with_tasks(f"- a: {{ emit: {{ event: {{ with: {{ type: t, data: {SECRET} }} }} }} }}"), None),
    (with_tasks(RAISE % f"detail: {SECRET}"), "/do/0/a/raise/error/detail"),
    (
        with_tasks(
            f"- a: {{ call: f, with: {{ x: {SECRET} }} }}",
            more="use: { functions: { f: { set: { y: 1 } } } }\n",
        ),
        "/do/0/a/with/x",
    ),
]


@pytest.mark.parametrize(("text", "pointer"), LEAKS)
def test_a_secret_that_flows_into_the_history_is_refused(text: str, pointer: str | None) -> None:
    found = only(text)
    assert found.code == "secret-flow"
    assert pointer in (found.pointer, None)
    assert "arguments of a call" in found.message


DECLARED = "use: { secrets: [ a ] }\n"


@pytest.mark.parametrize(
    "text",
    [
        with_tasks(CALL % f"body: {SECRET}", more=DECLARED),
        with_tasks(CALL % "headers: { A: '${ $authorization.parameter }' }"),
        with_tasks(
            f"- a: {{ call: mcp.tool, with: {{ server: s, tool: t, arguments: {SECRET} }} }}",
            more=DECLARED,
        ),
        with_tasks(
            "- a: { call: http, with: { method: get, endpoint: { uri: 'https://e.com', "
            f"authentication: {POLICY} }} }} }}",
            more=DECLARED,
        ),
        with_tasks(
            "- a: { call: http, with: { method: get, endpoint: { uri: 'https://e.com', "
            "authentication: { basic: { use: a } } } } }",
            more=DECLARED,
        ),
        f"{HEAD}use: {{ secrets: [ a ], authentications: {{ x: {POLICY} }} }}\ndo: []",
        with_tasks(
            "- a: { call: f }",
            more="use: { secrets: [ a ], functions: { f: { call: http, with: { method: get, "
            f"endpoint: 'https://e.com', body: {SECRET} }} }} }} }}\n",
        ),
    ],
)
def test_a_secret_may_flow_into_the_arguments_of_an_activity(text: str) -> None:
    assert validate(text) == []


@pytest.mark.parametrize(
    "task",
    [
        CALL % f"body: {SECRET}",
        (
            "- a: { call: http, with: { method: get, endpoint: { uri: 'https://e.com', "
            "authentication: { basic: { use: a } } } } }"
        ),
    ],
)
def test_a_secret_has_to_be_declared(task: str) -> None:
    found = only(with_tasks(task, more="use: { secrets: [ b ] }\n"))
    assert found.code == "unknown-reference"
    assert "'a' in use.secrets" in found.message


def test_how_long_a_call_may_take_is_no_secret() -> None:
    task = (
        "- a: { call: mcp, with: { method: tools/list, timeout: '${ $secrets.a }', "
        "transport: { http: { endpoint: 'https://e.com' } } } }"
    )
    found = only(with_tasks(task, more=DECLARED))
    assert (found.code, found.pointer) == ("secret-flow", "/do/0/a/with/timeout")


@pytest.mark.parametrize(
    "text",
    [".customer", " .a.b[0].c ", "$input.x", r"Hello \(.name)", r"\( $context.line )!"],
)
def test_text_that_looks_as_if_it_were_evaluated_is_a_warning(text: str) -> None:
    document = with_tasks(f"- a: {{ set: {{ x: '{text}' }} }}")
    assert codes(document) == ["not-evaluated"]
    assert errors(document) == []


@pytest.mark.parametrize(
    "text", ["$5", "$unknown", ".5", "...", ". . .", "a.b", "$", "{a}", r"\(.*\)"]
)
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


def test_other_languages_are_refused() -> None:
    text = with_tasks(
        "- a: { set: { x: '${ const y = 1; }' } }", more="evaluate: { language: js }\n"
    )
    assert only(text).code == "expression-language"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hello ${ .name }, line ${ .line }", None),
        ("${ .a } and ${ .b }", None),
        ('${ "${" }HOME}', None),
        ('a ${ "}" } b ${ {c: {}} } d ${ "\\("}")" }', None),
        ("a ${ .x", "expression-syntax"),
        ("${ .x", "expression-syntax"),
        ("${ .a } and ${ .b", "expression-syntax"),
        ('a ${ "b }', "expression-syntax"),
        ("a ${ .b } ${ .c + }", "expression-syntax"),
        ("a ${ .b ~ } c", "expression-syntax"),
        ("a ${} b", "expression-syntax"),
        ("a ${ .b } ${ nothing }", "unknown-function"),
        ("a ${HOME} b", "unknown-function"),
        ("a ${ .b } ${ $nothing }", "unknown-variable"),
        ("a ${ .b } ${ $secrets.x }", "secret-flow"),
    ],
)
def test_every_expression_in_a_text_is_checked(text: str, code: str | None) -> None:
    quoted = text.replace("'", "''")
    found = validate(with_tasks(f"- a: {{ set: {{ x: ['{quoted}'] }} }}"))
    assert [(each.code, each.pointer) for each in found] == (
        [(code, "/do/0/a/set/x/0")] if code else []
    )


def test_an_expression_without_end_is_said_to_have_none() -> None:
    found = only(with_tasks("- a: { set: { x: 'Line ${ .line is open' } }"))
    assert "has no '}' that ends it" in found.message
    assert found.message.endswith("\n    Line ${ .line is open\n         ^^")


def test_the_place_of_an_error_is_shown_below_the_sentence() -> None:
    found = only(with_tasks("- a: { set: { x: 'Line ${ .line ~ 2 } of ${ .plant }' } }"))
    assert found.message == (
        "This is not a jq expression: '~' means nothing here.\n"
        "    Line ${ .line ~ 2 } of ${ .plant }\n"
        "                  ^"
    )


@pytest.mark.parametrize("text", ["${ .a } and ${ .b }", "${ .a } == 1", "Line ${ .a }"])
def test_a_field_that_is_an_expression_is_no_text_with_expressions(text: str) -> None:
    found = only(with_tasks(f"- a: {{ set: {{ x: 1 }}, if: '{text}' }}"))
    assert (found.code, found.pointer) == ("expression-syntax", "/do/0/a/if")
    assert "write it without ${ } inside" in found.message


@pytest.mark.parametrize(
    ("tasks", "code"),
    [
        ("- a: { wait: 'PT${ .n }S' }", "duration"),
        ("- a: { set: 'x ${ .n }' }", "wrong-value"),
        (CALL.replace("get", "'${ .m }t'") % "body: 1", "wrong-value"),
        (CALL % "query: '${ .a }&${ .b }'", "wrong-value"),
        (
            "- a: { call: mcp.tool, with: { server: s, tool: t, arguments: 'x ${ .n }' } }",
            "function-arguments",
        ),
    ],
)
def test_where_a_text_makes_no_sense_a_text_with_expressions_makes_none(
    tasks: str, code: str
) -> None:
    assert only(with_tasks(tasks)).code == code


SHAPE = """\
input:
  schema:
    document:
      type: object
      properties:
        order: { type: object, properties: { id: { type: string } }, additionalProperties: false }
        lines: { type: array, items: { $ref: '#/$defs/line' } }
      additionalProperties: false
      $defs:
        line: { type: object, properties: { max: {} }, unevaluatedProperties: false }
"""
X = "schema: { document: { properties: { x: {} }, additionalProperties: false } }"
INPUTS = {"CLOSED": f"{{ {X} }}", "SHAPED": f"{{ {X}, from: . }}", "WRONG": f"{{ {X}, from: .y }}"}


def shaped(tasks: str, more: str = "") -> str:
    """Return a definition with a closed input schema; the words above stand for such of tasks."""
    for word, spelled in INPUTS.items():
        tasks = tasks.replace(word, spelled)
    return with_tasks(tasks, more=SHAPE + more)


@pytest.mark.parametrize(
    ("tasks", "path"),
    [
        ("- a: { set: { x: '${ .ordr }' } }", ".ordr"),
        ("- a: { set: { x: 'Order ${ .order.id } of ${ .order.no }' } }", ".order.no"),
        ("- a: { set: { x: '${ $input.order.id.x }' } }", "$input.order.id.x"),
        ("- a: { set: { x: '${ .lines | map(.min) }' } }", ".lines[].min"),
        ("- a: { set: { x: '${ .lines[0].min }' } }", ".lines[0].min"),
        ("- a: { set: { x: 1 }, if: .nothing }", ".nothing"),
        ("- a: { set: { x: 1 }, input: { from: .nothing } }", ".nothing"),
        ("- a: { set: { x: 1 }, output: { as: $input.nothing } }", "$input.nothing"),
        (
            "- a: { set: { x: 1 } }\n- b: { set: { x: '${ $workflow.input.y }' } }",
            "$workflow.input.y",
        ),
        ("- a: { for: { in: .items }, do: [] }", ".items"),
        ("- a: { switch: [ { b: { when: .nothing, then: end } } ] }", ".nothing"),
        ("- a: { try: [], catch: { when: .nothing } }", ".nothing"),
        ("- a: { set: { x: 1 } }\n- b: { input: CLOSED, set: { y: '${ .y }' } }", ".y"),
        ("- a: { do: [ { b: { input: CLOSED, set: { y: '${ .y }' } } } ] }", ".y"),
        ("- a: { set: { x: 1 } }\n- b: { input: WRONG, set: { y: 1 } }", ".y"),
    ],
)
def test_a_path_that_the_schema_of_the_input_excludes_is_a_warning(tasks: str, path: str) -> None:
    found = only(shaped(tasks))
    assert (found.code, found.severity) == ("unknown-path", "warning")
    assert found.message.startswith(f"'{path}' is never there: ")


@pytest.mark.parametrize(
    "tasks",
    [
        "- a: { set: { x: '${ [.order.id, .lines[-1].max, $workflow.input.order] }' } }",
        "- a: { set: { x: '${ .order |= (.id | ascii_downcase) }' } }",
        "- a: { set: { x: '${ .order as {(.id): $x} | $x }' } }",
        "- a: { set: { x: '${ .lines[1:][0].any }' } }",
        "- a: { set: { x: 1 } }\n- b: { set: { x: '${ .y }' } }",
        "- a: { set: { x: 1 }, output: { as: .y }, export: { as: .z } }",
        "- a: { input: { from: .order }, set: { x: '${ [.y, $input.y] }' } }",
        "- a: { if: .order, set: { x: '${ .order.id }' } }",
        "- a: { set: { x: 1 } }\n- b: { input: SHAPED, set: { y: '${ .y }' } }",
        # Checked only when the condition holds.
        "- a: { set: { x: 1 } }\n- b: { if: .y, input: CLOSED, set: { y: 1 } }",
        "- a: { do: [ { b: { set: { y: '${ .y }' } } } ] }",
        # The output of the turn before.
        "- a: { for: { in: .lines }, while: .y, do: [] }",
        ("- a: { set: { x: '${ .y }' } }\n- b: { switch: [ { c: { when: .x < 3, then: a } } ] }"),
    ],
)
def test_a_path_that_may_be_there_is_no_finding(tasks: str) -> None:
    assert validate(shaped(tasks)) == []


def test_the_schema_of_the_workflow_says_nothing_of_what_its_from_makes_of_the_input() -> None:
    assert validate(shaped("- a: { set: { x: '${ .y }' } }", "  from: .order\n")) == []
    found = only(shaped("- a: { set: { x: 1 } }", "  from: .odrer\n"))
    assert found.message == (
        "'.odrer' is never there: the input schema of the workflow excludes it. "
        "'.' has: order, lines. Did you mean 'order'?"
    )


@pytest.mark.parametrize(
    ("retry", "pointer"),
    [
        ("{ when: '$eror.status == 1' }", "when"),
        ("{ exceptWhen: '$nothing' }", "exceptWhen"),
        ("{ delay: '${ $nothing }' }", "delay"),
        ("{ limit: { attempt: { duration: '${ $nothing }' } } }", "limit/attempt/duration"),
        ("{ jitter: { from: PT1S, to: '${ $nothing }' } }", "jitter/to"),
    ],
)
def test_expressions_of_a_retry_policy_are_checked(retry: str, pointer: str) -> None:
    found = only(with_tasks(f"- a: {{ try: [], catch: {{ retry: {retry} }} }}"))
    assert (found.code, found.pointer) == ("unknown-variable", f"/do/0/a/catch/retry/{pointer}")
    shared = f"use: {{ retries: {{ r: {retry} }} }}\n"
    found = only(with_tasks("- a: { set: { x: 1 } }", more=shared))
    assert (found.code, found.pointer) == ("unknown-variable", f"/use/retries/r/{pointer}")


CHILD = "run: { workflow: { namespace: a, name: b, version: latest } }"
CARRIED = (
    "call: http, with: { method: get, endpoint: 'https://e.com' }, "
    "metadata: { millwright: { taskQueue: far, fairnessKey: line } }"
)


@pytest.mark.parametrize("text", ["${ .a }", "x-${ .a }"])
@pytest.mark.parametrize(
    ("task", "value", "pointer"),
    [
        (CHILD, "namespace: a", "run/workflow/namespace"),
        (CHILD, "name: b", "run/workflow/name"),
        (CHILD, "version: latest", "run/workflow/version"),
        (CARRIED, "taskQueue: far", "metadata/millwright/taskQueue"),
        (CARRIED, "fairnessKey: line", "metadata/millwright/fairnessKey"),
        (CARRIED, "method: get", "with/method"),
    ],
)
def test_an_expression_is_refused_where_none_is_evaluated(
    task: str, value: str, pointer: str, text: str
) -> None:
    key, _, _ = value.partition(":")
    assert validate(with_tasks(f"- a: {{ {task} }}")) == []
    changed = task.replace(value, f"{key}: '{text}'")
    found = only(with_tasks(f"- a: {{ {changed} }}"))
    assert (found.code, found.pointer) == ("wrong-value", f"/do/0/a/{pointer}")
    assert found.message == "No expression can stand here. Write the value."
