"""Whatever we accept is a definition of the language: no document of ours is ours alone.

Documents are changed at random; each that we accept must be valid by the schema of the language,
and none that is not may be refused only for something that will be supported one day.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.definition.test_models import EVERYTHING
from tests.definition.upstream import OWS, refusal
from workflows.definition import Code, load_document, validate

UNDOING = """
document: { dsl: '1.0.3', namespace: tests, name: undoing, version: 1.0.0 }
do:
  - reserve:
      call: http
      with: { method: post, endpoint: 'https://example.com/x' }
      metadata:
        millwright:
          compensate:
            - release: { call: http, with: { method: delete, endpoint: 'https://example.com/x' } }
            - tell: { emit: { event: { with: { type: a.b, source: /x, time: '${ .t }' } } } }
            - stop: { raise: { error: { type: 'https://example.com/x', status: 400 } } }
"""
DOCUMENTS: list[Any] = [
    load_document(EVERYTHING).value,
    load_document(UNDOING).value,
    *(load_document(path.read_text()).value for path in (OWS / "examples").glob("*.yaml")),
]
LATER = {Code.NOT_SUPPORTED_YET, Code.LITERAL_SECRET}
MIXED = [
    *("https://e.com/${ .a }", "https://e.com/${.a}", "/${ .a }", "${ .a }T00:00:00Z"),
    "${ .a }/${ .b }",
]
VALUES: list[Any] = [
    *(None, True, 1, 1.5, -3, "", "x", "a b", "end", "/a/b", "PT5S", "P1M", "https://e.com/{x}"),
    *("${ .a }", "${\n.a }", "2026-01-31T08:00:00Z", [], {}, ["a"], {"a": 1}, {"a": "b"}, *MIXED),
    *({"type": "x"}, {"use": "x"}, {"seconds": 3}, {"uri": "https://e.com"}, {"after": "PT1S"}),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for token, part in parts:
        yield (*path, token)
        if isinstance(part, dict | list):
            yield from places(part, (*path, token))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for token in path:
        value = value[token]
    return value


KEYS = sorted({str(path[-1]) for each in DOCUMENTS for path in places(each)})


def changed(document: Any, random: Random) -> Any:
    """Remove, replace, rename or add something, a few times."""
    document = deepcopy(document)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        *parent, last = random.choice([*places(document), (None,)])
        container = at(document, tuple(parent))
        other = random.choice(DOCUMENTS)
        match random.choice(["remove", "value", "add", "rename", "transplant"]):
            case "add" if isinstance(container, dict):
                container[random.choice(KEYS)] = deepcopy(random.choice(VALUES))
            case "rename" if isinstance(container, dict) and last in container:
                container[random.choice(KEYS)] = container.pop(last)
            case "transplant" if last is not None:
                container[last] = deepcopy(at(other, random.choice(list(places(other)))))
            case "value" if last is not None:
                container[last] = deepcopy(random.choice(VALUES))
            case "remove" if last is not None:
                del container[last]
            case _:
                pass
    return document


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_we_accept_is_valid_by_the_schema_of_the_language(random: Random) -> None:
    document = changed(random.choice(DOCUMENTS), random)
    found = validate(json.dumps(document))
    refused = {each.code for each in found if each.is_error}
    if refused <= LATER:
        assert refusal(document) is None


@pytest.mark.parametrize("index", range(len(DOCUMENTS)))
def test_what_we_start_from_is_valid(index: int) -> None:
    assert refusal(DOCUMENTS[index]) is None


@pytest.mark.parametrize("text", MIXED)
def test_no_expression_within_a_text_stands_where_the_language_has_none(text: str) -> None:
    accepted = 0
    for document in DOCUMENTS:
        for path in places(document):
            if isinstance(at(document, path), str):
                changed = deepcopy(document)
                at(changed, path[:-1])[path[-1]] = text
                if {each.code for each in validate(json.dumps(changed)) if each.is_error} <= LATER:
                    accepted += 1
                    assert refusal(changed) is None, path
    assert accepted > 50
