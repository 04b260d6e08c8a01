"""The conformance kit of the language, unmodified, against the running product.

Publish, start and result go through the API, a real Temporal server and a worker process. The two
hosts that the kit calls are answered on loopback.
"""

import re
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import pytest
import yaml
from pytest_bdd import given, parsers, scenarios, then, when

from millwright_client import Instance, Millwright
from tests.shared_data import shared
from workflows.definition import load_document

scenarios(str(shared("data/ows/ctk/features")))


@dataclass
class Story:
    """One scenario: what was given, and how it ended."""

    definition: str = ""
    input: Any = None
    instance: Instance | None = None
    order: list[str] = field(default_factory=list)

    @property
    def ended(self) -> Instance:
        assert self.instance is not None
        return self.instance

    @property
    def output(self) -> Any:
        assert self.ended.status == "COMPLETED", self.ended.error
        return self.ended.output


@pytest.fixture
def story() -> Story:
    return Story()


def content(docstring: str) -> str:
    """Return the text of a doc string; the kit marks them with `yaml`."""
    return re.sub(r"\A\s*yaml\n", "", docstring)


def at(value: Any, path: str) -> Any:
    return reduce(lambda found, key: found[key], path.split("."), value)


@given("a workflow with definition:")
def a_definition(story: Story, docstring: str) -> None:
    story.definition = content(docstring)


@given("given the workflow input is:")
def an_input(story: Story, docstring: str) -> None:
    story.input = load_document(content(docstring)).value


@when("the workflow is executed")
def executed(story: Story, client: Millwright) -> None:
    published = client.workflows.publish(story.definition)
    started = client.workflows.start(published.namespace, published.name, input=story.input)
    story.instance = client.wait(started.id, timeout=60)
    story.order = [task.name for task in story.instance.tasks]


@then("the workflow should complete")
def completes(story: Story) -> None:
    assert story.ended.status == "COMPLETED", story.ended.error


@then("the workflow should complete with output:")
def completes_with(story: Story, docstring: str) -> None:
    assert story.output == yaml.safe_load(content(docstring))


@then("the workflow should fault")
def faults(story: Story) -> None:
    assert story.ended.status == "FAILED"


@then("the workflow should fault with error:")
def faults_with(story: Story, docstring: str) -> None:
    assert story.ended.status == "FAILED"
    assert story.ended.error == yaml.safe_load(content(docstring))


@then(parsers.parse("the workflow output should have properties {names}"))
def has_properties(story: Story, names: str) -> None:
    for name in re.findall(r"'(.*?)'", names):
        at(story.output, name)


@then(parsers.parse("the workflow output should have a '{name}' property with value:"))
def has_value(story: Story, name: str, docstring: str) -> None:
    assert at(story.output, name) == yaml.safe_load(content(docstring))


@then(
    parsers.parse("the workflow output should have a '{name}' property containing {count:d} items")
)
def has_items(story: Story, name: str, count: int) -> None:
    assert len(at(story.output, name)) == count


@then(parsers.parse("{task} should run first"))
def runs_first(story: Story, task: str) -> None:
    assert story.order[0] == task


@then(parsers.parse("{task} should run last"))
def runs_last(story: Story, task: str) -> None:
    assert story.order[-1] == task


@then(parsers.parse("{task} should run after {other}"))
def runs_after(story: Story, task: str, other: str) -> None:
    assert story.order.index(task) > story.order.index(other)
