"""What the schema of the language says of a document of ours, and of the tasks in its metadata."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from tests.shared_data import shared
from workflows.definition import load_document

OWS = shared("data/ows")
UPSTREAM = jsonschema_rs.validator_for(
    load_document((OWS / "schema/workflow.yaml").read_text()).value,  # type: ignore[arg-type]
    validate_formats=True,
    offline=True,
)
# To the schema metadata is free; ours holds tasks under these.
_TASKS = ("compensate", "finally")
_HEAD = {"dsl": "1.0.3", "namespace": "tests", "name": "of-metadata", "version": "1.0.0"}


def refusal(document: Any) -> str | None:
    """Return why the schema refuses a document, or tasks in its metadata; None when it does not."""
    inner = ({"document": _HEAD, "do": tasks} for tasks in _tasks_in_metadata(document))
    for each in (document, *inner):
        try:
            UPSTREAM.validate(each)
        except jsonschema_rs.ValidationError as error:
            return str(error)
    return None


def _tasks_in_metadata(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, dict):
        metadata = value.get("metadata")
        ours = metadata.get("millwright") if isinstance(metadata, dict) else None
        if isinstance(ours, dict):
            yield from (ours[key] for key in _TASKS if isinstance(ours.get(key), list))
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tasks_in_metadata(part)
