"""Calls: functions and their arguments, addresses, references into `use`, schemas."""

import pytest

from foundation.json import JsonObject
from tests.definition.documents import HEAD, codes, only, with_tasks
from workflows.definition import InvalidDefinitionError, compile_schema, prepare, validate

TOOL = "- a: { call: mcp.tool, with: %s }"
PETS = """
use:
  functions:
    getPet:
      input:
        schema:
          document:
            type: object
            properties: { petId: { type: integer } }
            required: [ petId ]
            additionalProperties: false
      call: http
      with: { method: get, endpoint: 'https://e.com/{petId}' }
"""


@pytest.mark.parametrize(
    "arguments",
    [
        "{ server: excel, tool: read }",
        "{ server: excel, tool: read, arguments: { a: [1, '${ .b }'] } }",
        "{ server: '${ .server }', tool: '${ .tool }', arguments: '${ .arguments }' }",
    ],
)
def test_a_registered_tool_is_called_by_server_and_name(arguments: str) -> None:
    assert validate(with_tasks(TOOL % arguments)) == []


@pytest.mark.parametrize(
    ("arguments", "pointer", "message"),
    [
        ("{}", "/do/0/a/with", "'server' is missing here."),
        ("{ server: excel }", "/do/0/a/with", "'tool' is missing here."),
        ("{ server: 5, tool: t }", "/do/0/a/with/server", "must be text, not a number"),
        ("{ server: '', tool: t }", "/do/0/a/with/server", "must not be empty"),
        (
            "{ server: s, tool: t, arguments: [1] }",
            "/do/0/a/with/arguments",
            "must be an object, not a list",
        ),
        (
            "{ server: s, tool: t, argument: {} }",
            "/do/0/a/with/argument",
            "Did you mean 'arguments'?",
        ),
    ],
)
def test_wrong_arguments_of_a_known_function_are_found(
    arguments: str, pointer: str, message: str
) -> None:
    found = next(each for each in validate(with_tasks(TOOL % arguments)) if each.pointer == pointer)
    assert found.code == "function-arguments"
    assert message in found.message


def test_a_known_function_without_arguments_is_found_too() -> None:
    found = validate(with_tasks("- a: { call: mcp.tool }"))
    assert [(each.code, each.pointer) for each in found] == [("function-arguments", "/do/0/a")] * 2


def test_a_declared_function_is_called_by_its_name() -> None:
    tasks = """
    - a: { call: getPet, with: { petId: 5 } }
    - b: { call: getPet, with: { petId: '${ .x }' } }
    """
    assert validate(with_tasks(tasks, more=PETS)) == []


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        (", with: { petId: five }", "/do/0/a/with/petId"),
        (", with: { petId: 5, other: 1 }", "/do/0/a/with"),
        (", with: {}", "/do/0/a/with"),
        ("", "/do/0/a"),
    ],
)
def test_constant_arguments_are_compared_with_the_input_schema(given: str, pointer: str) -> None:
    found = only(with_tasks(f"- a: {{ call: getPet{given} }}", more=PETS))
    assert (found.code, found.pointer) == ("function-arguments", pointer)
    assert "'getPet' does not take this" in found.message


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        ("getPett", "unknown-function", "Did you mean 'getPet'?"),
        ("mcp.tol", "unknown-function", "Did you mean 'mcp.tool'?"),
        ("htp", "unknown-function", "Did you mean 'http'?"),
        (
            "zzz",
            "unknown-function",
            "Known: a2a, approval, asyncapi, getPet, grpc, http, mcp, mcp.tool",
        ),
        ("https://example.com/function.yaml", "not-fetched", "when this is published"),
        ("log:1.0.0@global", "unknown-reference", "use.catalogs"),
    ],
)
def test_a_function_that_is_not_there_is_found(call: str, code: str, message: str) -> None:
    found = only(with_tasks(f"- a: {{ call: '{call}' }}", more=PETS))
    assert (found.code, found.pointer) == (code, "/do/0/a/call")
    assert message in found.message


@pytest.mark.parametrize("name", ["mcp.tool", "http", "grpc"])
def test_a_function_cannot_take_the_name_of_a_built_in_one(name: str) -> None:
    text = with_tasks(
        "- a: { set: { x: 1 } }", more=f"use: {{ functions: {{ {name}: {{ do: [] }} }} }}\n"
    )
    assert only(text).code == "reserved-name"


def test_functions_that_call_each_other_in_a_circle_are_found() -> None:
    more = """
    use:
      functions:
        a: { do: [ { x: { call: b } } ] }
        b: { try: [], catch: { do: [ { y: { call: c } } ] } }
        c: { call: a }
        d: { call: a }
        e: { call: e }
    """
    found = validate(with_tasks("- t: { call: d }", more=more))
    assert [each.code for each in found] == ["recursive-function"] * 2
    assert "calls itself: e -> e." in found[1].message
    assert sorted(found[0].message.split(": ")[1].split(".")[0].split(" -> ")[1:]) == [
        "a",
        "b",
        "c",
    ]


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ("https://e.com/{petId}?x={y.z}", None),
        ("HTTP://e.com", None),
        ("http://127.0.0.1:8080/a", None),
        ("{base}/pets", None),
        ("${ .url }", None),
        ("https://e.com/${.id}/{part}?x={y}", None),
        ("https://${.host}:${.port}/x", None),
        ('${ "https://e.com/\\(.a)" }', None),
        ("${ .base }/${ .kind }", None),
        ("https://e.com/${ .id }", "uri"),
        ("https://e.com/${.part|@uri}", "uri"),
        ("${ .base }/pets", "uri"),
        ("${.scheme}://${.host}", None),
        ("${ .scheme }://e.com", "uri"),
        ("${ .base }/pets/{petId}", None),
        ("/pets", "uri"),
        ("ftp://${ .host }", "uri"),
        ("https://e.com/${ .a }/a b", "uri"),
        ("https://e.com/${ .a }{?page}", "uri"),
        ("https://e.com/${ .a", "expression-syntax"),
        ("e.com/pets", "uri"),
        ("ftp://e.com", "uri"),
        ("file:///etc/passwd", "uri"),
        ("https://", "uri"),
        ("https://e.com/a b", "uri"),
        ("", "uri"),
        ("https://e.com/{?page}", "uri"),
        ("https://e.com/{+path}", "uri"),
        ("https://e.com/{}", "uri"),
        ("http://[::1", "uri"),
        ("http://e.com:99999/", "uri"),
        ("http://e.com:port/", "uri"),
        ("http://[::1]:8080/a", None),
        ("http://[{address}]:{port}/a", None),
    ],
)
@pytest.mark.parametrize(
    ("call", "pointer"),
    [
        ("call: http, with: { method: get, endpoint: '%s' }", "/with/endpoint"),
        ("call: http, with: { method: get, endpoint: { uri: '%s' } }", "/with/endpoint/uri"),
        (
            "call: openapi, with: { document: { endpoint: '%s' }, operationId: x }",
            "/with/document/endpoint",
        ),
        (
            "call: mcp, with: { method: tools/list, transport: { http: { endpoint: '%s' } } }",
            "/with/transport/http/endpoint",
        ),
        ("call: a2a, with: { method: tasks/list, server: '%s' }", "/with/server"),
        (
            "call: a2a, with: { method: tasks/list, agentCard: { endpoint: { uri: '%s' } } }",
            "/with/agentCard/endpoint/uri",
        ),
    ],
)
def test_an_address_can_be_called(endpoint: str, code: str | None, call: str, pointer: str) -> None:
    found = validate(with_tasks(f"- a: {{ {call % endpoint} }}"))
    expected = {(code, f"/do/0/a{pointer}")} if code else set()
    assert {(each.code, each.pointer) for each in found} == expected


@pytest.mark.parametrize(
    ("endpoint", "written"),
    [
        ("https://e.com/${ .a }", '${ "https://e.com/\\(.a)" }'),
        ('https://e.com/{a.b}/${ "x" }', '${ "https://e.com/\\(."a.b" | @uri)/\\("x")" }'),
    ],
)
def test_an_expression_within_an_address_is_refused_with_how_to_write_it(
    endpoint: str, written: str
) -> None:
    def call_of(endpoint: str) -> str:
        return with_tasks(f"- a: {{ call: http, with: {{ method: get, endpoint: '{endpoint}' }} }}")

    (found,) = validate(call_of(endpoint))
    assert f"Write it as one: {written}, or {{name}}" in found.message
    assert validate(call_of(written)) == []


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("source: 'https://e.com', time: '2026-01-31T08:00:00Z', dataschema: '/x'", None),
        ("source: '${ .s }', time: '${ .t }'", None),
        ("source: '/lines/${.line}', dataschema: '${ \"/x/\\(.line)\" }'", None),
        ("source: '/lines/${ .line }'", "uri"),
        ("source: '/lines/${ .line } a'", "uri"),
        ("dataschema: '/lines/${ .line }'", "uri"),
        ("time: '${ .day }T08:00:00Z'", "wrong-value"),
        ("source: 'a b'", "uri"),
        ("dataschema: 'a b'", "uri"),
        ("time: yesterday", "wrong-value"),
        ("time: '2026-01-31'", "wrong-value"),
    ],
)
def test_attributes_of_events_have_their_form(event: str, code: str | None) -> None:
    found = codes(with_tasks(f"- a: {{ emit: {{ event: {{ with: {{ type: t, {event} }} }} }} }}"))
    assert found == ([code] if code else [])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("type: 'https://e.com/x', instance: /do/0/a", None),
        ("type: '${ .type }', instance: '${ .where }'", None),
        ("type: 'a b'", "uri"),
        ("type: 'https://e.com/${ .kind }'", "uri"),
        ("type: 'https://e.com', instance: 'do/0'", "wrong-value"),
        ("type: 'https://e.com', instance: '${ .list }/a'", "wrong-value"),
    ],
)
def test_members_of_errors_have_their_form(error: str, code: str | None) -> None:
    found = codes(with_tasks(f"- a: {{ raise: {{ error: {{ status: 400, {error} }} }} }}"))
    assert found == ([code] if code else [])


@pytest.mark.parametrize(
    ("tasks", "pointer", "message"),
    [
        ("- a: { set: { x: 1 }, timeout: shrt }", "/do/0/a/timeout", "Did you mean 'short'?"),
        ("- a: { raise: { error: broke } }", "/do/0/a/raise/error", "Did you mean 'broken'?"),
        (
            (
                "- a: { call: http, with: { method: get, endpoint: { uri: 'https://e.com', "
                "authentication: { use: nothing } } } }"
            ),
            "/do/0/a/with/endpoint/authentication/use",
            "Declare it in use.authentications.",
        ),
        (
            (
                "- a: { call: openapi, with: { document: { endpoint: { uri: 'https://e.com', "
                "authentication: { use: shop } } }, operationId: x, "
                "authentication: { use: shp } } }"
            ),
            "/do/0/a/with/authentication/use",
            "Did you mean 'shop'?",
        ),
    ],
)
def test_a_name_that_use_does_not_declare_is_found(tasks: str, pointer: str, message: str) -> None:
    more = """
    use:
      timeouts: { short: { after: PT1S } }
      errors: { broken: { type: 'https://e.com', status: 400 } }
      authentications: { shop: { bearer: { token: '${ .token }' } } }
    """
    found = only(with_tasks(tasks, more=more))
    assert (found.code, found.pointer) == ("unknown-reference", pointer)
    assert message in found.message


def test_the_timeout_of_the_workflow_can_be_a_name_too() -> None:
    assert only(f"{HEAD}timeout: short\ndo: []").pointer == "/timeout"
    assert (
        validate(
            f"{HEAD}use: {{ timeouts: {{ short: {{ after: PT1S }} }} }}\ntimeout: short\ndo: []"
        )
        == []
    )


@pytest.mark.parametrize("timeout", ["PT1X", "P1M", "{ seconds: -1 }", "soon"])
@pytest.mark.parametrize(
    ("task", "pointer"),
    [
        ("wait: %s", "/do/0/a/wait"),
        ("set: { x: 1 }, timeout: { after: %s }", "/do/0/a/timeout/after"),
        (
            (
                "call: mcp, with: { method: tools/list, timeout: %s, "
                "transport: { http: { endpoint: 'https://e.com' } } }"
            ),
            "/do/0/a/with/timeout",
        ),
    ],
)
def test_a_duration_without_a_length_is_found(timeout: str, task: str, pointer: str) -> None:
    found = only(with_tasks(f"- a: {{ {task % timeout} }}"))
    assert (found.code, found.pointer) == ("duration", pointer)


@pytest.mark.parametrize(
    ("schema", "pointer", "message"),
    [
        ("{ format: avro, document: {} }", "/format", "Use 'json'."),
        ("{ document: [] }", "/document", "must be an object"),
        (
            "{ document: { properties: { a: { type: txt } } } }",
            "/document/properties/a/type",
            "txt",
        ),
        ("{ document: { pattern: '(?=a)' } }", "/document/pattern", "not a"),
        ("{ document: { pattern: '\\p{L}{500}' } }", "/document/pattern", "not a"),
        ("{ document: { $ref: 'https://e.com/s.json' } }", "/document", "Retrieval is disabled"),
        ("{ document: { $ref: 'file:///etc/passwd' } }", "/document", "Retrieval is disabled"),
        ("{ document: { $ref: '#/$defs/no' } }", "/document", "does not exist"),
        ("{ document: { $ref: '#' } }", "/document", "refers to itself"),
        (
            "{ document: { properties: { a: { anyOf: [ { $ref: '#' }, { $ref: '#' } ] } } } }",
            "/document",
            "could take too long",
        ),
        (f"{{ document: {{ title: {'x' * 33_000} }} }}", "/document", "32,768 are allowed"),
    ],
)
def test_a_schema_that_cannot_be_used_is_found(schema: str, pointer: str, message: str) -> None:
    found = only(f"{HEAD}input:\n  schema: {schema}\ndo: []")
    assert (found.code, found.pointer) == ("invalid-schema", f"/input/schema{pointer}")
    assert message in found.message


def test_all_schemas_together_are_bounded() -> None:
    schema = f"{{ schema: {{ document: {{ title: {'x' * 30_000} }} }} }}"
    tasks = "\n".join(f"- t{n}: {{ set: {{ x: 1 }}, output: {schema} }}" for n in range(4))
    assert only(with_tasks(tasks)).pointer == "/do/2/t2/output/schema"


def test_schemas_of_any_draft_and_recursive_ones_compile() -> None:
    tree: JsonObject = {"properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}
    assert compile_schema(tree).is_valid({"children": [{"children": []}]})
    draft_7 = "http://json-schema.org/draft-07/schema#"
    pairs: JsonObject = {"$schema": draft_7, "items": [{"type": "string"}]}
    assert not compile_schema(pairs).is_valid([5])


def test_a_definition_is_prepared_with_its_hash_and_text() -> None:
    text = with_tasks("- a: { set: { x: 1 } } # a comment", more="timeout: { after: PT1M }\n")
    prepared = prepare(text.encode())
    assert (prepared.namespace, prepared.name, prepared.version) == ("tests", "sample", "1.0.0")
    assert (prepared.title, prepared.summary) == (None, None)
    assert prepared.source == text
    assert prepared.document["timeout"] == {"after": "PT1M"}
    assert prepare(text.replace(" # a comment", "")).hash == prepared.hash
    assert prepare(text.replace("x: 1", "x: 2")).hash != prepared.hash


@pytest.mark.parametrize("namespace", ["instances"])
def test_a_namespace_that_would_hide_behind_an_address_is_refused(namespace: str) -> None:
    with pytest.raises(InvalidDefinitionError, match="reserved"):
        prepare(HEAD.replace("tests", namespace) + "do: []")


LOCAL = "metadata: { millwright: { local: true%s } }"


@pytest.mark.parametrize(
    "task",
    [
        "call: http, with: { method: post, endpoint: 'https://e.com' }",
        "call: mcp.tool, with: { server: s, tool: t }",
        "set: { x: 1 }",
    ],
)
def test_a_local_call_has_to_be_one_that_may_happen_twice(task: str) -> None:
    found = only(with_tasks(f"- a: {{ {task}, {LOCAL % ''} }}"))
    assert (found.code, found.pointer) == ("wrong-value", "/do/0/a/metadata/millwright/local")
    keyed = LOCAL % ", idempotencyKey: 'order-${ .id }'"
    assert validate(with_tasks(f"- a: {{ {task}, {keyed} }}")) == []


def test_a_request_that_may_be_repeated_can_be_local() -> None:
    task = "call: http, with: { method: get, endpoint: 'https://e.com' }"
    assert validate(with_tasks(f"- a: {{ {task}, {LOCAL % ''} }}")) == []


GET = "call: http, with: { method: get, endpoint: 'https://e.com' }"


@pytest.mark.parametrize(
    ("task", "place"),
    [
        (f"{GET}, {LOCAL % ', timeout: PT6S'}", "/do/0/a/metadata/millwright/timeout"),
        (f"{GET}, timeout: {{ after: {{ minutes: 1 }} }}, {LOCAL % ''}", "/do/0/a/timeout"),
        (f"{GET}, timeout: patient, {LOCAL % ''}", "/do/0/a/timeout"),
    ],
)
def test_a_local_call_has_to_be_short(task: str, place: str) -> None:
    used = "use: { timeouts: { patient: { after: PT10S } } }\n"
    found = only(used + with_tasks(f"- a: {{ {task} }}"))
    assert (found.code, found.pointer) == ("wrong-value", place)
    assert "5 s at most" in found.message


@pytest.mark.parametrize("timeout", ["PT5S", "'${ .patience }'"])
def test_a_local_call_may_say_how_short(timeout: str) -> None:
    for task in (
        f"{GET}, {LOCAL % f', timeout: {timeout}'}",
        f"{GET}, timeout: {{ after: {timeout} }}, {LOCAL % ''}",
    ):
        assert validate(with_tasks(f"- a: {{ {task} }}")) == []


def test_a_subscription_is_never_short() -> None:
    document = "document: { endpoint: 'https://e.com/a.json' }, channel: c"
    subscription = "subscription: { consume: { amount: 1 } }"
    task = f"call: asyncapi, with: {{ {document}, {subscription} }}"
    keyed = LOCAL % ", idempotencyKey: k"
    found = only(with_tasks(f"- a: {{ {task}, {keyed} }}"))
    assert found.pointer == "/do/0/a/metadata/millwright/local"
