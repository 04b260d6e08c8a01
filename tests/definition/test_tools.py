"""Arguments of registered tools, compared with what the tools take."""

import json
from typing import Any

import pytest

from foundation.json import JsonObject
from workflows.definition import Code, Finding, validate
from workflows.definition.tools import OtherToolError

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "minLength": 3},
        "rows": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        "cell": {
            "type": "object",
            "properties": {"at": {"type": "string"}, "value": {"type": "number"}},
            "required": ["at"],
            "additionalProperties": False,
        },
        "mode": {"enum": ["read", "write"]},
    },
    "required": ["path"],
    "additionalProperties": False,
    "if": {"properties": {"mode": {"const": "write"}}, "required": ["mode"]},
    "then": {"required": ["cell"]},
}
PIN = "a" * 64
AT = "/do/0/ask/with"


def tools(server: str, tool: str, sha256: str | None) -> JsonObject | None:
    if (server, tool) != ("excel", "cells"):
        return None
    if sha256 not in (None, PIN):
        raise OtherToolError("It is another tool now.")
    return SCHEMA


def findings(**given: Any) -> list[Finding]:
    task = {"call": "mcp.tool", "with": {"server": "excel", "tool": "cells", **given}}
    header = {"dsl": "1.0.3", "namespace": "plant", "name": "n", "version": "1.0.0"}
    text = json.dumps({"document": header, "do": [{"ask": task}]})
    found = validate(text, tools=tools)
    assert validate(text) == []
    return found


def pointers(**arguments: Any) -> list[str]:
    found = findings(arguments=arguments)
    assert {finding.code for finding in found} <= {Code.FUNCTION_ARGUMENTS}
    return [finding.pointer.removeprefix(AT) for finding in found]


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"path": 5}, ["/arguments/path"]),
        ({"path": "a"}, ["/arguments/path"]),
        ({"path": "a.x", "rows": [1, "2"]}, ["/arguments/rows/1"]),
        ({"path": "a.x", "cell": {"at": "A1", "value": "1"}}, ["/arguments/cell/value"]),
        ({"path": "a.x", "cell": {"at": "A1", "valeu": 1}}, ["/arguments/cell"]),
        ({}, ["/arguments"]),
        ({"path": "a.x", "mode": "write"}, ["/arguments"]),
        ({"path": "a.x", "mode": "delete"}, ["/arguments/mode"]),
    ],
)
def test_a_literal_argument_that_does_not_fit_is_found_at_its_place(
    arguments: dict[str, Any], wrong: list[str]
) -> None:
    assert pointers(**arguments) == wrong


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "a.xlsx", "rows": [1, 2], "cell": {"at": "A1"}, "mode": "write"},
        {"path": "${ .path }"},
        {"path": "a.x", "rows": "${ .rows }", "cell": "${ .cell }", "mode": "${ .mode }"},
        {"path": "a.x", "rows": [1, "${ .row }"], "cell": {"at": "A${ .n }", "value": "${ 1 }"}},
    ],
)
def test_what_fits_or_is_only_known_when_it_runs_is_not_complained_of(
    arguments: dict[str, Any],
) -> None:
    assert pointers(**arguments) == []


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"rows": "${ .rows }"}, ["/arguments"]),
        ({"path": "${ .path }", "colour": "${ .colour }"}, ["/arguments"]),
        ({"path": "a.x", "cell": {"value": "${ .v }"}}, ["/arguments/cell"]),
        ({"path": 5, "mode": "${ .mode }"}, ["/arguments/path"]),
        ({"path": "a.x", "rows": ["${ .row }"]}, ["/arguments/rows"]),
    ],
)
def test_beside_expressions_it_is_judged_what_is_there_and_what_is_literal(
    arguments: dict[str, Any], wrong: list[str]
) -> None:
    assert pointers(**arguments) == wrong


def test_many_expressions_do_not_hide_a_mistake() -> None:
    rows: list[Any] = ["${ .row }"] * 200 + ["x"]
    assert pointers(path="a.x", rows=rows) == ["/arguments/rows/200"]


def test_arguments_that_are_left_out_are_missed_at_the_call() -> None:
    [finding] = findings()
    assert finding.pointer == AT
    assert "path" in finding.message


def test_a_pin_that_is_another_tool_by_now_is_found_and_one_that_holds_is_not() -> None:
    [finding] = findings(arguments={"path": "a.x"}, sha256="b" * 64)
    assert (finding.pointer, finding.message) == (f"{AT}/sha256", "It is another tool now.")
    assert findings(arguments={"path": "a.x"}, sha256=PIN) == []


def test_a_pin_is_written_out() -> None:
    """One that computes to nothing would pin nothing."""
    task = {"call": "mcp.tool", "with": {"server": "s", "tool": "t", "sha256": "${ .pin }"}}
    header = {"dsl": "1.0.3", "namespace": "plant", "name": "n", "version": "1.0.0"}
    [finding] = validate(json.dumps({"document": header, "do": [{"ask": task}]}))
    assert "no expression can stand for it" in finding.message


def test_a_tool_that_is_not_registered_yet_or_computed_is_not_judged() -> None:
    assert findings(server="jira") == []
    assert findings(tool="${ .tool }") == []
    assert findings(arguments="${ .arguments }") == []


def test_a_schema_that_costs_too_much_is_answered_and_not_followed() -> None:
    doubling: JsonObject = {
        "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}] * 20}, "b": {"required": ["x"]}},
        "properties": {"a": {"$ref": "#/$defs/a"}},
    }
    text = json.dumps(
        {
            "document": {"dsl": "1.0.3", "namespace": "p", "name": "n", "version": "1.0.0"},
            "do": [
                {
                    "ask": {
                        "call": "mcp.tool",
                        "with": {"server": "s", "tool": "t", "arguments": {"a": {}}},
                    }
                }
            ],
        }
    )
    [finding] = validate(text, tools=lambda *_: doubling)
    assert finding.code is Code.FUNCTION_ARGUMENTS
