"""One wrong definition for every code that there is, and how findings are put together."""

from textwrap import dedent

import pytest

from tests.definition.documents import HEAD, with_tasks
from workflows.definition import Code, InvalidDefinitionError, prepare, validate
from workflows.definition.elsewhere import Failed
from workflows.definition.findings import WARNINGS
from workflows.definition.off import NOTHING_OFF, Off

FUNCTIONS = "use: { functions: { f: { call: %s } } }\n"

# code -> (text, pointer, line, column)
EXAMPLES: dict[Code, tuple[str | bytes, str, int, int]] = {
    Code.SYNTAX: ("do: [\n", "", 2, 1),
    Code.ENCODING: (b"do: \xff", "", 1, 1),
    Code.CONTROL_CHARACTER: ("do: \x07", "", 1, 5),
    Code.EMPTY: ("# nothing", "", 1, 1),
    Code.TOO_LARGE: ("#" * 300_000, "", 1, 1),
    Code.TOO_DEEP: ("[" * 100, "/0" * 64, 1, 65),
    Code.ALIAS: ("do: *missing", "/do", 1, 5),
    Code.MULTIPLE_DOCUMENTS: (HEAD + "do: []\n---\na: 1\n", "", 3, 1),
    Code.DUPLICATE_KEY: (HEAD + "do: []\ndo: []\n", "/do", 3, 1),
    Code.MERGE_KEY: (with_tasks("- a: { set: { <<: 1, b: 2 } }"), "/do/0/a/set/<<", 3, 17),
    Code.CUSTOM_TAG: (with_tasks("- a: { set: { b: !x 1 } }"), "/do/0/a/set/b", 3, 20),
    Code.KEY: (with_tasks("- a: { set: { 404: 1 } }"), "/do/0/a/set", 3, 17),
    Code.NUMBER: (with_tasks("- a: { set: { b: .inf } }"), "/do/0/a/set/b", 3, 20),
    Code.MISSING_KEY: (HEAD, "", 1, 1),
    Code.UNKNOWN_KEY: (HEAD + "do: []\nother: 1\n", "/other", 3, 1),
    Code.WRONG_TYPE: (HEAD + "do: 5\n", "/do", 2, 1),
    Code.WRONG_VALUE: (HEAD.replace("sample", "-") + "do: []", "/document/name", 1, 45),
    Code.TASK_KIND: (with_tasks("- a: { sets: 1 }"), "/do/0/a", 3, 5),
    Code.DSL_VERSION: (HEAD.replace("1.0.3", "0.8.0") + "do: []", "/document/dsl", 1, 13),
    Code.RESERVED_NAME: (with_tasks("- end: { set: { a: 1 } }"), "/do/0/end", 3, 5),
    Code.DURATION: (with_tasks("- a: { wait: 30s }"), "/do/0/a/wait", 3, 10),
    Code.URI: (
        with_tasks("- a: { call: http, with: { method: get, endpoint: 'a b' } }"),
        "/do/0/a/with/endpoint",
        3,
        43,
    ),
    Code.DUPLICATE_NAME: (
        with_tasks("- a: { set: { b: 1 } }\n- a: { set: { b: 1 } }"),
        "/do/1/a",
        4,
        5,
    ),
    Code.UNKNOWN_TARGET: (
        with_tasks("- a: { set: { b: 1 }, then: b }"),
        "/do/0/a/then",
        3,
        25,
    ),
    Code.UNREACHABLE_TASK: (
        with_tasks("- a: { set: { b: 1 }, then: end }\n- b: { set: { b: 1 } }"),
        "/do/1/b",
        4,
        5,
    ),
    Code.ENDLESS_LOOP: (with_tasks("- a: { set: { b: 1 }, then: a }"), "/do/0/a", 3, 5),
    Code.CRON: (HEAD + "schedule: { cron: '0 25 * * *' }\ndo: []\n", "/schedule/cron", 2, 13),
    Code.SCHEDULED_INPUT: (
        HEAD + "schedule: { every: PT1H }\n"
        "input: { schema: { document: { type: object } } }\ndo: []\n",
        "/input/schema",
        3,
        10,
    ),
    Code.EXPRESSION_LANGUAGE: (
        HEAD + "evaluate: { language: js }\ndo: []\n",
        "/evaluate/language",
        2,
        13,
    ),
    Code.EXPRESSION_SYNTAX: (
        with_tasks("- a: { set: { b: '${ .a + }' } }"),
        "/do/0/a/set/b",
        3,
        17,
    ),
    Code.UNKNOWN_VARIABLE: (
        with_tasks("- a: { set: { b: '${ $x }' } }"),
        "/do/0/a/set/b",
        3,
        17,
    ),
    Code.UNKNOWN_PATH: (
        with_tasks(
            "- a: { set: { b: '${ .c }' } }",
            more="input: { schema: { document: { type: string } } }\n",
        ),
        "/do/0/a/set/b",
        4,
        17,
    ),
    Code.UNKNOWN_FUNCTION: (with_tasks("- a: { call: x }"), "/do/0/a/call", 3, 10),
    Code.FUNCTION_ARGUMENTS: (
        with_tasks("- a: { call: mcp.tool, with: { server: x } }"),
        "/do/0/a/with",
        3,
        26,
    ),
    Code.RECURSIVE_FUNCTION: (
        with_tasks("- a: { call: f }", more=FUNCTIONS % "f"),
        "/use/functions/f",
        2,
        21,
    ),
    Code.UNKNOWN_REFERENCE: (
        with_tasks("- a: { raise: { error: x } }"),
        "/do/0/a/raise/error",
        3,
        19,
    ),
    Code.INVALID_SCHEMA: (
        HEAD + "input: { schema: { document: { type: text } } }\ndo: []\n",
        "/input/schema/document/type",
        2,
        32,
    ),
    Code.LITERAL_SECRET: (
        with_tasks(
            "- a: { call: http, with: { method: get, endpoint: 'https://example.com', "
            "headers: { X-Api-Key: abc } } }"
        ),
        "/do/0/a/with/headers/X-Api-Key",
        3,
        87,
    ),
    Code.SECRET_FLOW: (
        with_tasks("- a: { set: { b: '${ $secrets.c }' } }"),
        "/do/0/a/set/b",
        3,
        17,
    ),
    Code.NOT_SUPPORTED_YET: (
        with_tasks("- a: { run: { container: { image: a, ports: { '80': 80 } } } }"),
        "/do/0/a/run/container/ports",
        3,
        40,
    ),
    Code.NOT_ENABLED: (
        with_tasks("- a: { run: { shell: { command: ls } } }"),
        "/do/0/a/run/shell",
        3,
        17,
    ),
    Code.NOT_EVALUATED: (with_tasks("- a: { set: { b: .c.d } }"), "/do/0/a/set/b", 3, 17),
    Code.NOT_FETCHED: (with_tasks("- a: { call: 'https://e.com/f' }"), "/do/0/a/call", 3, 10),
    Code.ELSEWHERE: (with_tasks("- a: { call: 'https://e.com/g' }"), "/do/0/a/call", 3, 10),
}

FOUND = {"https://e.com/g": Failed(code=Code.ELSEWHERE, message="It cannot be fetched.")}
OFF = Off({"programs": "An administrator enables it."})


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_definition_that_it_is_found_in(code: Code) -> None:
    text, pointer, line, column = EXAMPLES[code]
    (found,) = validate(text, off=OFF if code is Code.NOT_ENABLED else NOTHING_OFF, found=FOUND)
    assert (found.code, found.pointer, found.line, found.column) == (code, pointer, line, column)
    # Below the sentence the place in an expression may be shown.
    assert found.message.partition("\n")[0].endswith((".", "?"))
    assert found.severity == ("warning" if code in WARNINGS else "error")


def test_all_findings_are_reported_together_in_the_order_of_the_text() -> None:
    text = dedent(
        """\
        document: { dsl: '2.0.0', namespace: tests, name: sample, version: '1.0.0' }
        do:
          - a:
              set: { b: '${ .c + }', b: 2, d: .e }
              then: nowhere
          - a:
              call: htttp
        extra: 1
        """
    )
    assert [(each.code, each.line) for each in validate(text)] == [
        ("dsl-version", 1),
        ("expression-syntax", 4),
        ("duplicate-key", 4),
        ("not-evaluated", 4),
        ("unknown-target", 5),
        ("duplicate-name", 6),
        ("unknown-function", 7),
        ("unknown-key", 8),
    ]


def test_a_definition_with_errors_is_refused_with_all_of_them_as_details() -> None:
    with pytest.raises(InvalidDefinitionError) as refused:
        prepare(with_tasks("- a: { call: x }\n- b: { call: y, then: z }"))
    error = refused.value
    assert (error.status, error.code) == (422, "invalid-definition")
    assert error.message.startswith("The definition has 3 errors. Line 3, column 10: There is no")
    assert error.details["findings"] == [each.model_dump(mode="json") for each in error.findings]
    assert {each.severity for each in error.findings} == {"error"}


def test_warnings_alone_do_not_keep_a_definition_from_being_prepared() -> None:
    prepared = prepare(with_tasks("- a: { set: { b: .c } }"))
    assert [each.code for each in prepared.warnings] == [Code.NOT_EVALUATED]


def test_a_good_definition_has_no_findings() -> None:
    assert validate(with_tasks("- a: { set: { b: '${ .c }' } }")) == []


def test_no_message_repeats_a_secret() -> None:
    text = with_tasks(
        """
        - a:
            call: http
            with:
              method: get
              endpoint:
                uri: 'https://me:hunter2@example.com'
                authentication: { bearer: { token: hunter2 } }
              headers: { Authorization: Bearer hunter2 }
        """
    )
    found = validate(text)
    assert [each.code for each in found] == [Code.LITERAL_SECRET] * 3
    assert not any("hunter2" in each.message for each in found)
