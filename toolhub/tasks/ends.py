"""How a task can end without a result, in words."""

from foundation.json import JsonObject, JsonValue
from toolhub.directory import Entry
from toolhub.errors import (
    InputNeededError,
    NotMcpError,
    OutcomeUnknownError,
    TaskCancelledError,
    TaskFailedError,
)
from toolhub.failures import asked, shown
from toolhub.tasks.types import Handle


def failed(entry: Entry, error: JsonValue) -> TaskFailedError:
    """Return the error for a task that ended with an error of the protocol."""
    told = error if isinstance(error, dict) else {}
    why = shown(entry.to, f"error {told.get('code')}: {told.get('message')}")
    return TaskFailedError(
        f"{_who(entry)} ran as a task, and that failed ({why}). What it had done by then is not "
        "known: find out, then decide."
    )


def cancelled(entry: Entry) -> TaskCancelledError:
    """Return the error for a task that somebody else has cancelled."""
    return TaskCancelledError(
        f"{_who(entry)} ran as a task, and that was cancelled at the server, or by another "
        "instance with the same idempotency key. What it had done by then is not known."
    )


def input_needed(entry: Entry, state: JsonObject) -> InputNeededError:
    """Return the error for a task that asks something."""
    return InputNeededError(
        f"{_who(entry)} runs as a task and asks a question back, which cannot be answered here"
        f"{asked(entry.to, state)}. It was cancelled. Give it all it needs in its arguments."
    )


def unknown(entry: Entry, said: str) -> OutcomeUnknownError:
    """Return the error for a task that the server has forgotten."""
    return OutcomeUnknownError(
        f"{_who(entry)} ran as a task that the server does not know any more "
        f"({shown(entry.to, said)}). {_DOUBT}"
    )


def expired(entry: Entry, why: str) -> OutcomeUnknownError:
    """Return the error for a task that could not be asked for until its time was over."""
    return OutcomeUnknownError(
        f"{_who(entry)} ran as a task that the server keeps no longer, and until then it could not "
        f"be asked for it. {why} {_DOUBT}"
    )


def nobody_to_ask(handle: Handle, why: str) -> OutcomeUnknownError:
    """Return the error for a task whose server is not registered any more."""
    return OutcomeUnknownError(
        f"The tool '{handle.tool}' of the MCP server '{handle.server}' ran as a task that cannot "
        f"be asked for any more. {why} {_DOUBT}"
    )


def unreadable(entry: Entry, why: str) -> NotMcpError:
    """Return the error for a state that is none."""
    return NotMcpError(
        f"{_who(entry)} runs as a task, and what the server says of it is not MCP: {why}. Whoever "
        "runs the server has to mend that."
    )


_DOUBT = "It is not known what came of it: find out, then decide."


def _who(entry: Entry) -> str:
    return f"The tool '{entry.tool}' of the MCP server '{entry.to.label}'"
