"""What a definition lets its instances be found by: `name=value` texts in one search attribute.

One attribute for all names, so that no name has to be registered with Temporal.
"""

from collections.abc import Mapping

from temporalio import workflow

from foundation.json import JsonValue
from workflows.definition import MAX_TAG_ENTRY_BYTES, tag_entry, tags_too_large
from workflows.expressions import Template
from workflows.interpreter.attributes import TAGS
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame


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
    if (why := tags_too_large(entries)) is not None:
        raise _refused(why)
    if entries != sorted(known):
        workflow.upsert_search_attributes([TAGS.value_set(entries)])


def _text(name: str, value: JsonValue) -> str | None:
    match value:
        case None:
            return None
        case str() | int() | float():
            entry = tag_entry(name, value)
        case _:
            raise _refused(f"'{name}' is {type(value).__name__}; it has to be a text or a number.")
    if value == "" or len(entry.encode()) > MAX_TAG_ENTRY_BYTES:
        raise _refused(
            f"'{name}' is empty, or longer than {MAX_TAG_ENTRY_BYTES} bytes with its name."
        )
    return entry.removeprefix(f"{name}=")


def _refused(detail: str) -> Fault:
    return Fault.of("validation", "The search attributes cannot be kept", detail)
