"""Whether this activity was let in: what nobody counts must not go out."""

from contextvars import ContextVar
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.requests import Request

_LET_IN: Final[ContextVar[bool]] = ContextVar("let_in", default=False)


def admit() -> None:
    """Note that the running activity was let in."""
    _LET_IN.set(True)


def refuse_uncounted(request: Request) -> None:
    """Refuse a call that has limits and that nobody has counted.

    Raises:
        ApplicationError: When this worker has no gate.
    """
    if request.limits is not None and not _LET_IN.get():
        raise ApplicationError(
            "This worker cannot keep the limits that the call has (metadata.millwright).",
            {"kind": "configuration", "status": 500, "attempts": activity.info().attempt},
            type="limits",
            non_retryable=True,
        )
