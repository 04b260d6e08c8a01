"""How an ended run ended, in the words of the language."""

from dataclasses import dataclass

from temporalio.client import Client, WorkflowContinuedAsNewError, WorkflowFailureError
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    TerminatedError,
)
from temporalio.exceptions import (
    TimeoutError as TemporalTimeoutError,
)

from foundation.json import JsonObject, JsonValue
from workflows.interpreter.faults import Fault


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an ended run left: an output, or an error, or (cancelled) neither."""

    output: JsonValue = None
    error: JsonObject | None = None


async def outcome(client: Client, workflow_id: str, run_id: str) -> Outcome:
    """Read how an ended run ended.

    Raises:
        RPCError: When Temporal refuses or cannot be reached.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    try:
        output: JsonValue = await handle.result(follow_runs=False)
    except WorkflowFailureError as failure:
        return Outcome(error=error_of(failure.cause))
    except WorkflowContinuedAsNewError:
        return Outcome()
    return Outcome(output=output)


def error_of(cause: BaseException) -> JsonObject | None:
    """Return the error object for the failure of a run or of an activity."""
    match cause:
        case CancelledError():
            return None
        case ApplicationError():
            return _own_error(cause)
        case TerminatedError():
            return Fault.of("runtime", "The instance was terminated", cause.message).error
        case TemporalTimeoutError():
            return Fault.of("timeout", "It took too long", cause.message).error
        case _:
            return Fault.of("runtime", "It failed", str(cause)).error


def _own_error(cause: ApplicationError) -> JsonObject:
    """Return the error object that the interpreter put into a failure; else make one."""
    own = cause.details[0] if cause.details else None
    if isinstance(own, dict) and isinstance(own.get("type"), str):
        return own
    title = cause.type if cause.type and ":" not in cause.type else "It failed"
    return Fault.of("runtime", title, cause.message).error
