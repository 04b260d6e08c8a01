"""What one scenario is about: what was given, what happened, how it ended."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from itertools import count
from time import monotonic, sleep
from typing import Any

from millwright_client import Instance, Millwright, TaskRun
from workflows.definition import load_document

# A loaded machine may take its time; a scenario that waits in vain has failed.
PATIENCE_S = 60.0
NUMBERS = count(1)
HEAD = "document: {{ dsl: '1.0.3', namespace: scenarios, name: sample-{number}, version: '1.0.0' }}"


@dataclass
class Story:
    """One scenario.

    Attributes:
        published: What starts by itself, as `namespace.name`.
        names: What stands for addresses and ports that are known only now.
        findings: Code, place and severity of what a check found.
        decided: Approvals that somebody has decided.
    """

    definition: str = ""
    input: Any = None
    id: str = ""
    published: str = ""
    instance: Instance | None = None
    names: dict[str, str] = field(default_factory=dict)
    findings: set[tuple[str, str, str]] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)

    @property
    def ended(self) -> Instance:
        assert self.instance is not None, "Nothing was executed."
        return self.instance

    @property
    def output(self) -> Any:
        assert self.ended.status == "COMPLETED", self.ended.error
        return self.ended.output

    @property
    def error(self) -> Any:
        assert self.ended.error is not None, self.ended
        return self.ended.error

    @property
    def ran(self) -> list[TaskRun]:
        """Executions of tasks in the order in which they began."""
        return [task for task in self.ended.tasks if task.state != "skipped"]

    @property
    def order(self) -> list[str]:
        return [task.name for task in self.ran]

    def states_of(self, task: str) -> list[str]:
        return [each.state for each in self.ended.tasks if each.name == task]

    def written(self, docstring: str) -> str:
        """Fill in what is known only now, and give a workflow a name of its own."""
        text = filled(content(docstring), self.names)
        named = re.search(r"^document:", text, re.MULTILINE)
        return text if named else f"{HEAD.format(number=next(NUMBERS))}\n{text}"

    def start(self, client: Millwright) -> None:
        published = client.workflows.publish(self.definition)
        self.id = client.workflows.start(
            published.namespace, published.name, version=published.version, input=self.input
        ).id

    def wait(self, client: Millwright) -> None:
        self.instance = client.wait(self.id, timeout=PATIENCE_S)


def content(docstring: str) -> str:
    """Return the text of a doc string; the kit marks them with `yaml`."""
    return re.sub(r"\A\s*yaml\n", "", docstring)


def value_of(docstring: str) -> Any:
    """Read a doc string as the language reads a document."""
    return load_document(content(docstring)).value


def spelled(value: Any) -> str:
    """Write a value so that 1, 1.0 and true, the same to Python, differ."""
    return json.dumps(value, sort_keys=True)


def filled(text: str, names: dict[str, str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    return reduce(lambda filled, name: filled.replace(name, names[name]), longest_first, text)


def at(value: Any, path: str) -> Any:
    """Return what is in there; numbers in a path are places in a list."""
    for key in path.split("."):
        value = value[int(key) if isinstance(value, list) else key]
    return value


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Ask until it is so."""
    end = monotonic() + PATIENCE_S
    while not condition():
        assert monotonic() < end, what
        sleep(0.01)
