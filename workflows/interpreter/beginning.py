"""What a run looks at before it does anything: its argument, its name, how it came about."""

from collections.abc import Sequence

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RawValue

from workflows.definition.generations import MAX_GENERATIONS
from workflows.interpreter.attributes import TENANT, VERSION
from workflows.interpreter.compiler import Plan
from workflows.interpreter.faults import Fault
from workflows.interpreter.types import StartInput


def read_start(args: Sequence[RawValue]) -> StartInput:
    """Read the one argument, and refuse a run that could not be found again by its tenant.

    Raises:
        Fault: Of the type `configuration`.
    """
    info = workflow.info()
    if len(args) != 1:
        raise Fault.of(
            "configuration", "The start input is missing", f"One argument, not {len(args)}."
        )
    try:
        start = workflow.payload_converter().from_payload(args[0].payload, StartInput)
    except (ValidationError, ValueError) as error:
        raise Fault.of("configuration", "The start input is not valid", str(error)) from error
    if not isinstance(start, StartInput):
        raise Fault.of("configuration", "The start input is not valid", "It must be an object.")
    expected = f"{start.tenant_id}/{info.workflow_type.replace('.', '/', 1)}/"
    if "." not in info.workflow_type or not info.workflow_id.startswith(expected):
        raise Fault.of(
            "configuration",
            "The workflow id is not of the tenant",
            f"It must begin with '{expected}'; the type is '<namespace>.<name>'.",
        )
    return start


def refuse_too_many(generation: int) -> None:
    """Do nothing at all for what would go on for ever; what is refused shows who did.

    Raises:
        Fault: Of the type `configuration`.
    """
    if generation > MAX_GENERATIONS:
        raise Fault.of(
            "configuration",
            "Too many instances have led to this one",
            f"It is started by an event, and that comes from the {MAX_GENERATIONS}th instance in "
            "a row that an event or another instance has started. Let the definition not emit "
            "what starts it; what is to be repeated is a loop, or schedule.after.",
        )


def describe(start: StartInput, plan: Plan) -> None:
    """Add the search attributes that whoever started the run left out."""
    known = workflow.info().typed_search_attributes
    missing = [
        key.value_set(value)
        for key, value in ((TENANT, start.tenant_id), (VERSION, plan.version))
        if known.get(key) != value
    ]
    if missing:
        workflow.upsert_search_attributes(missing)
