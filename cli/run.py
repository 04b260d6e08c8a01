"""`millwright run`: start a workflow, show what it does, and exit with how it ended."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cli.connection import connected
from cli.failures import MisuseError
from cli.following import OK, Follower, how_to_follow, print_json, say
from cli.given import Named, content, json_input, named
from millwright_client import Millwright, Started

_FILES = (".yaml", ".yml", ".json")


def run(flags: argparse.Namespace) -> int:
    """Start it and follow it, or leave it running."""
    if flags.workflow == flags.input == "-":
        raise MisuseError("Standard input is one thing: the definition or the input, not both.")
    file = content(flags.workflow) if _is_file(flags.workflow) else None
    workflow = named(flags.workflow) if file is None else None
    value = json_input(flags.input) if flags.input is not None else None
    with connected(flags) as client:
        started = _start(client, workflow or _published(client, file or b""), value, flags.key)
        if flags.json:
            print_json({"started": asdict(started)})
        if flags.detach:
            _tell(started, as_json=flags.json)
            return OK
        if not flags.json:
            say(f"{'Started' if started.created else 'Found'} {started.id}  {started.web_ui}")
        return Follower(client, started.id, as_json=flags.json).follow()


def _is_file(text: str) -> bool:
    return text == "-" or text.endswith(_FILES) or Path(text).is_file()


def _published(client: Millwright, text: bytes) -> Named:
    """Publish a definition; what was published before in the same words stays as it is."""
    made = client.workflows.publish(text)
    if made.created:
        say(f"Published {made.namespace}/{made.name}@{made.version}")
    return Named(made.namespace, made.name, made.version)


def _start(client: Millwright, workflow: Named, value: Any, key: str | None) -> Started:
    if workflow.name is None:
        raise MisuseError(
            f"'{workflow.namespace}' is a namespace, or a file that is not there. Name a workflow "
            f"as {workflow.namespace}/NAME, or a file that ends in {', '.join(_FILES)}."
        )
    return client.workflows.start(
        workflow.namespace,
        workflow.name,
        input=value,
        version=workflow.version,
        idempotency_key=key,
    )


def _tell(started: Started, *, as_json: bool) -> None:
    if as_json:
        return
    print(started.id, flush=True)
    say(how_to_follow(started.id))
