"""Every definition that we show or run ourselves is one of the language."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd.parser import FeatureParser

from tests.conformance.story import Story, filled
from tests.definition.test_docs import EXAMPLES, ROOT
from tests.definition.upstream import refusal
from tests.histories.cases import CASES, CHILD
from workflows.definition import load_document, validate

FILES = [
    *(ROOT / "examples").glob("*.yaml"),
    *(ROOT / "bench").rglob("*.yaml"),
    *(ROOT / "tests/durability").glob("*.yaml"),
]
FEATURES = sorted((ROOT / "tests/conformance/features").glob("*.feature"))
# What they learn only when they are executed.
NAMES = {
    "LINE_PROTO": "https://plant.example/line.proto",
    "LINE_PORT": "50051",
    "GRPC": "50051",
    "MCP_SERVER": "https://mcp.example",
    "AGENT": "https://agent.example",
    "AUTHORITY": "https://login.example",
    "TOKEN_API": "https://api.example",
}


def scenarios(path: Path) -> Iterator[str]:
    """Go through the definitions of a feature, those of each example of an outline."""
    feature = FeatureParser(str(path.parent), path.name).parse()
    for scenario in feature.scenarios.values():
        rows = [row for each in scenario.examples for row in each.as_contexts()] or [{}]
        for row in rows:
            for step in scenario.render(row).steps:
                if step.name.endswith("definition:") and step.docstring is not None:
                    yield Story(names=NAMES).written(step.docstring)


def documents(texts: list[str]) -> list[Any]:
    """Read those that we accept."""
    return [
        load_document(text).value
        for text in texts
        if not any(each.is_error for each in validate(text))
    ]


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_definition_in_the_documentation_is_one_of_the_language(text: str) -> None:
    assert refusal(load_document(text).value) is None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_definition_that_we_execute_is_one_of_the_language(path: Path) -> None:
    assert refusal(load_document(filled(path.read_text(), NAMES)).value) is None


@pytest.mark.parametrize("path", FEATURES, ids=lambda path: path.stem)
def test_what_a_scenario_publishes_is_one_of_the_language(path: Path) -> None:
    for document in documents(list(scenarios(path))):
        assert refusal(document) is None, document


def test_most_scenarios_publish_a_definition() -> None:
    found = [text for path in FEATURES for text in scenarios(path)]
    assert len(documents(found)) > 300


@pytest.mark.parametrize("case", [*CASES, CHILD], ids=lambda case: case.name)
def test_a_definition_whose_history_is_recorded_is_one_of_the_language(case: Any) -> None:
    document = json.loads(json.dumps(case.definition))
    assert refusal(document) is None
