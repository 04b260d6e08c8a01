"""The models hold what was written and write it back."""

import pytest
from pydantic import ValidationError

from foundation.json import JsonObject
from workflows.definition import (
    AuthenticationSpec,
    CallFunction,
    CallHttp,
    CallMcp,
    DoTask,
    DurationParts,
    EndpointSpec,
    ForkTask,
    ForTask,
    RaiseTask,
    SwitchTask,
    TaskItem,
    TryTask,
    load_definition,
    load_document,
)

EVERYTHING = """
document:
  dsl: '1.0.3'
  namespace: tests
  name: everything
  version: 1.0.0-rc.1+build.5
  title: A title
  tags: { line: 7 }
  metadata: { anything: [1], millwright: { finally: [ { last: { set: { x: 1 } } } ] } }
input:
  schema: { format: json, document: { type: object } }
  from: .order
use:
  authentications:
    shop: { bearer: { token: '${ .token }' } }
  errors:
    broken: { type: 'https://example.com/broken', status: 500, title: Broken }
  functions:
    ask: { call: http, with: { method: get, endpoint: 'https://example.com/{id}' } }
  timeouts:
    short: { after: { seconds: 3 } }
do:
  - http:
      if: .go
      call: http
      with:
        method: post
        endpoint: { uri: 'https://example.com', authentication: { use: shop } }
        headers: { Accept: text/plain }
        query: ${ .query }
        body: [1, null, { a: .b }]
        output: response
        redirect: true
      timeout: short
      then: function
  - function: { call: ask, with: { id: 5 } }
  - mcp:
      call: mcp
      with:
        method: tools/call
        parameters: { name: x }
        timeout: PT5S
        transport: { http: { endpoint: 'https://example.com/mcp', headers: { A: b } } }
  - agent:
      call: a2a
      with:
        method: message/send
        agentCard: { name: card, endpoint: 'https://example.com/card.json' }
        parameters: { message: { parts: [ { kind: text, text: x } ] } }
  - loop:
      for: { each: pet, in: .pets, at: number }
      while: .more
      do: [ { inner: { set: { a: $pet } } } ]
  - branches:
      fork: { branches: [ { left: { wait: { minutes: 1 } } }, { right: { wait: PT1M } } ] }
  - attempt:
      try: [ { fail: { raise: { error: broken } } } ]
      catch:
        errors: { with: { status: 500 } }
        as: problem
        when: $problem.status > 499
        exceptWhen: .no
        do: [ { note: { emit: { event: { with: { type: x.y, data: 1 } } } } } ]
        then: choose
  - choose:
      switch: [ { big: { when: '.size > 3', then: end } }, { other: { then: stop } } ]
  - stop: { raise: { error: { type: 'https://example.com/x', status: 400 } }, metadata: { a: 1 } }
timeout: { after: PT1H }
output: { as: { only: .this } }
"""


@pytest.fixture
def document() -> JsonObject:
    value = load_document(EVERYTHING).value
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("mode", ["json", "python"])
def test_a_definition_writes_itself_back_as_it_was_written(document: JsonObject, mode: str) -> None:
    assert load_definition(document).model_dump(by_alias=True, mode=mode) == document


def test_models_have_the_names_of_the_language_in_python_spelling(document: JsonObject) -> None:
    tasks = {item.name: item.task for item in load_definition(document).do}
    http, mcp, loop = tasks["http"], tasks["mcp"], tasks["loop"]
    assert isinstance(http, CallHttp)
    assert http.if_ == ".go"
    assert isinstance(http.with_.endpoint, EndpointSpec)
    assert http.with_.endpoint.authentication == AuthenticationSpec.model_validate({"use": "shop"})
    assert http.with_.output == "response"
    assert http.then == "function"
    assert isinstance(tasks["function"], CallFunction)
    assert isinstance(mcp, CallMcp)
    assert mcp.with_.protocol_version == "2025-06-18"
    assert mcp.with_.transport.http is not None
    assert isinstance(loop, ForTask)
    assert (loop.for_.each, loop.for_.at, loop.while_) == ("pet", "number", ".more")


def test_nested_lists_are_lists_of_named_tasks(document: JsonObject) -> None:
    tasks = {item.name: item.task for item in load_definition(document).do}
    fork, attempt, choose = tasks["branches"], tasks["attempt"], tasks["choose"]
    assert isinstance(fork, ForkTask)
    assert fork.fork.compete is False
    assert [item.name for item in fork.fork.branches] == ["left", "right"]
    assert isinstance(attempt, TryTask)
    assert isinstance(attempt.try_[0].task, RaiseTask)
    assert attempt.catch.errors is not None
    assert attempt.catch.errors.with_ == {"status": 500}
    assert attempt.catch.as_ == "problem"
    assert isinstance(choose, SwitchTask)
    assert [(case.name, case.when, case.then) for case in choose.switch] == [
        ("big", ".size > 3", "end"),
        ("other", None, "stop"),
    ]


def test_defaults_are_those_of_the_language() -> None:
    loop = load_definition(
        {
            "document": {"dsl": "1.0.3", "namespace": "a", "name": "b", "version": "1.0.0"},
            "do": [{"x": {"for": {"in": "."}, "do": []}}, {"y": {"do": []}}],
        }
    )
    task = loop.do[0].task
    assert isinstance(task, ForTask)
    assert (task.for_.each, task.for_.at) == ("item", "index")
    assert loop.evaluate.language == "jq"
    assert loop.use.functions == {}


def test_models_cannot_be_changed(document: JsonObject) -> None:
    definition = load_definition(document)
    with pytest.raises(ValidationError, match="frozen"):
        definition.document.name = "other"  # type: ignore[misc]


def test_an_item_can_be_made_by_name() -> None:
    item = TaskItem(name="one", task=DoTask(do=()))
    assert item.model_dump(by_alias=True) == {"one": {"do": []}}


@pytest.mark.parametrize(
    "member", ["operation_id", "with_", "\x00name", "if_", "except_when", "protocol_version"]
)
def test_only_the_spelling_of_the_language_is_accepted(member: str, document: JsonObject) -> None:
    assert isinstance(document["do"], list)
    document["do"].append({"bad": {"set": {"a": 1}, member: "x"}})
    with pytest.raises(ValidationError):
        load_definition(document)


def test_a_duration_counts_only_what_is_written() -> None:
    parts = DurationParts(hours=1, seconds=5)
    assert parts.model_dump(by_alias=True) == {"hours": 1, "seconds": 5}
