"""Arguments of an approval for which an expression stands: how many decide, what they fill in.

Older versions let expressions stand anywhere, and went on without what they were to give. Approvals
that were asked so are replayed so.
"""

from typing import Final, cast

from temporalio import workflow

from foundation.errors import InvalidInputError
from foundation.json import JsonObject, JsonValue, canonical
from foundation.schemas import compiled
from workflows.definition import MAX_QUORUM, InvalidSchemaError, compile_schema
from workflows.expressions import Template
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame

COMPUTED: Final = "approval-arguments-computed"
# Judging what a schema may cost takes a while, and the run stands still meanwhile.
MAX_SCHEMA_BYTES: Final = 16 * 1024
CANNOT: Final = "The approval cannot be asked"


def is_computed() -> bool:
    """Tell whether this run computes what older ones left out. Ask only where there is some."""
    return workflow.patched(COMPUTED)


def refuse_misplaced(misplaced: str | None) -> None:
    """Refuse expressions where none can stand, which older versions published.

    Raises:
        Fault: Names the first one.
    """
    if misplaced is not None and is_computed():
        detail = (
            f"No expression can stand for '{misplaced}', and without it people would be asked "
            "something else. Write it out, and publish the definition as another version."
        )
        raise Fault.of("configuration", CANNOT, detail)


def quorum_of(template: Template, value: JsonValue, frame: Frame) -> int:
    """Return how many have to approve.

    Raises:
        Fault: When the expression fails, or gives no such number.
    """
    found = frame.evaluate(template, value)
    # To an expression, the half of four is 2.0.
    match found:
        case int() | float() if not isinstance(found, bool) and found in range(1, MAX_QUORUM + 1):
            return int(found)
        case _:
            detail = f"'quorum' must be a whole number from 1 to {MAX_QUORUM}."
            raise Fault.of("validation", CANNOT, detail)


def form_of(template: Template | None, value: JsonValue, frame: Frame) -> JsonObject | None:
    """Return the JSON Schema of what people fill in.

    Raises:
        Fault: When an expression fails, or what it gives is none.
    """
    if template is None:
        return None
    if not template.constant and not is_computed():
        written = cast(JsonValue, template.source)
        return written if isinstance(written, dict) else None
    form = frame.evaluate(template, value)
    if not template.constant:
        _check_schema(form)
    assert isinstance(form, dict)  # noqa: S101 - checked here, or when it was published
    return form


def _check_schema(form: JsonValue) -> None:
    if not isinstance(form, dict):
        detail = "'form' must be an object: a JSON Schema of what people fill in."
        raise Fault.of("validation", CANNOT, detail)
    if len(canonical(form)) > MAX_SCHEMA_BYTES:
        detail = f"'form' takes more than {MAX_SCHEMA_BYTES:,} bytes."
        raise Fault.of("validation", CANNOT, detail)
    try:
        compile_schema(form)
        compiled(form)
    except (InvalidSchemaError, InvalidInputError) as error:
        raise Fault.of("validation", CANNOT, f"'form' is no JSON Schema: {error}") from None
