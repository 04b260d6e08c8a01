"""Definitions as pictures: every task is there once, and every way leads somewhere."""

import re

import pytest

from tests.definition.test_examples import EXAMPLES, KIT, document_of
from workflows.definition import load_definition
from workflows.definition.graph import mermaid

NODE = re.compile(r'^\s*(\w+)(?:\(\[|\[|\{\{|\{|\()"(.*)"(?:\]\)|\]|\}\}|\}|\))$')
WAY = re.compile(r"^\s*(\w+) (?:-->|-\.->)(?:\|\"[^\"]*\"\|)? (\w+)$")
FRAME = re.compile(r'^\s*subgraph (\w+)\["(.*)"\]$')

HEAD = "document: { dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }\n"
TEXTS = [*(path.read_text() for path in EXAMPLES), *(text for _, text in KIT)]


def drawn(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the nodes with their labels, and the ways; every line must be one of those."""
    first, *lines = mermaid(load_definition(document_of(text))).splitlines()
    assert first == "flowchart TD"
    nodes, ways = {}, []
    for line in lines:
        if match := FRAME.match(line) or NODE.match(line):
            assert match[1] not in nodes
            nodes[match[1]] = match[2]
        elif match := WAY.match(line):
            ways.append((match[1], match[2]))
        else:
            assert line.strip() == "end", line
    return nodes, ways


@pytest.mark.parametrize("text", TEXTS)
def test_every_way_leads_from_a_task_to_a_task(text: str) -> None:
    nodes, ways = drawn(text)
    assert {end for way in ways for end in way} <= nodes.keys()
    assert "start" in {begin for begin, _ in ways}


def test_a_picture_shows_ways_loops_branches_and_catches() -> None:
    nodes, ways = drawn(
        HEAD
        + """
do:
  - first: { set: { x: 1 } }
  - choose: { switch: [ { big: { when: .x > 1, then: last } }, { small: { then: end } } ] }
  - loop: { for: { in: .items }, do: [ { inner: { set: { y: 1 } } } ] }
  - both: { fork: { branches: [ { a: { set: { x: 1 } } }, { b: { wait: PT1S } } ] } }
  - safe:
      try: [ { risky: { raise: { error: { type: 'https://e.com', status: 400 } } } } ]
      catch: {}
  - last: { set: { z: 1 } }
"""
    )
    by_label = {label.partition("<br/>")[0]: name for name, label in nodes.items()}
    assert (by_label["choose"], by_label["last"]) in ways
    assert (by_label["choose"], "finish") in ways
    head = by_label["for each item in .items"]
    assert {(head, by_label["inner"]), (by_label["inner"], head)} <= set(ways)
    assert (by_label["a"], by_label["all"]) in ways
    assert (by_label["risky"], by_label["caught"]) in ways
    assert (by_label["caught"], by_label["last"]) in ways
    assert (by_label["last"], "finish") in ways


def test_no_name_breaks_out_of_its_label() -> None:
    name = 'a"] --> b; click c "javascript:alert(1)" <script>'
    nodes, _ = drawn(HEAD + f"do: [ {{ '{name}': {{ set: {{ x: 1 }} }} }} ]")
    (label,) = [label for label in nodes.values() if label.startswith("a")]
    assert not set('"<>[]()') & set(label.replace("<br/>", ""))


def test_what_starts_it_by_itself_is_drawn() -> None:
    text = """\
document: { dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }
schedule:
  every: { minutes: 10 }
  cron: '0 6 * * *'
  on: { all: [ { with: { type: door } }, { with: { source: /line } } ] }
do: [ { first: { set: { x: 1 } } } ]
"""
    nodes, ways = drawn(text)
    whens = ["every 10 minutes", "cron 0 6 * * *", "on door and an event"]
    assert nodes["schedule"].split("<br/>") == whens
    assert ("schedule", "start") in ways
