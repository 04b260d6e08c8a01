"""What a definition lets its instances be found by: `name=value` texts in one search attribute.

One attribute for all names, so that no name has to be registered with Temporal.
"""

from collections.abc import Mapping
from typing import Final

from temporalio import workflow

from foundation.json import JsonValue
from workflows.expressions import Template
from workflows.interpreter.attributes import TAGS
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame

# Temporal takes 2 KB in one search attribute.
MAX_BYTES: Final = 2_000
MAX_ENTRY_BYTES: Final = 255


def tag(tags: Mapping[str, Template], value: JsonValue, frame: Frame) -> None:
    """Let the instance be found by these from now on; null takes one away.

    Raises:
        Fault: When a value cannot be computed, or is none that can be searched.
    """
    known = workflow.info().typed_search_attributes.get(TAGS) or ()
    found = {name: text for name, _, text in (entry.partition("=") for entry in known)}
    for name, template in tags.items():
        text = _text(name, frame.evaluate(template, value))
        if text is None:
            found.pop(name, None)
        else:
            found[name] = text
    entries = sorted(f"{name}={text}" for name, text in found.items())
    if sum(len(entry.encode()) for entry in entries) > MAX_BYTES:
        raise _refused(f"All of them together have more than {MAX_BYTES:,} bytes.")
    if entries != sorted(known):
        workflow.upsert_search_attributes([TAGS.value_set(entries)])


def _text(name: str, value: JsonValue) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case str() | int() | float():
            text = str(value)
        case _:
            raise _refused(f"'{name}' is {type(value).__name__}; it has to be a text or a number.")
    if not text or len(f"{name}={text}".encode()) > MAX_ENTRY_BYTES:
        raise _refused(f"'{name}' is empty, or longer than {MAX_ENTRY_BYTES} bytes with its name.")
    return text


def _refused(detail: str) -> Fault:
    return Fault.of("validation", "The search attributes cannot be kept", detail)
