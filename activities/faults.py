"""Domain errors into failures that Temporal keeps and the interpreter understands."""

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from foundation.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MillwrightError,
    NotFoundError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)

log = structlog.get_logger()

# Error types of the language, for errors that do not name one themselves (`kind`).
KINDS: Final[Mapping[type[MillwrightError], str]] = {
    ConflictError: "runtime",
    ForbiddenError: "authorization",
    InvalidInputError: "validation",
    NotFoundError: "configuration",
    TooLargeError: "validation",
    UnauthenticatedError: "authentication",
    UnavailableError: "communication",
    MillwrightError: "runtime",
}


def _as_it_is(text: str) -> str:
    return text


@contextmanager
def translated(masked: Callable[[str], str] = _as_it_is, *, repeats: bool = True) -> Iterator[None]:
    """Run a piece of an activity; a domain error inside becomes an `ApplicationError`.

    A domain error may carry `kind` (of the language's error types), `title`, `upstream_status` and
    `retry_after_s`.

    Args:
        masked: What a text looks like without the secrets of the request.
        repeats: Whether what had no effect is to be tried again.
    """
    try:
        yield
    except MillwrightError as error:
        raise as_failure(error, masked, repeats=repeats) from None
    except ApplicationError:
        raise
    except Exception as error:  # noqa: BLE001 - told and logged below
        # Nobody knows what it did before it failed, so it is not done again.
        log.error(  # noqa: TRY400 - the traceback is here, and masked
            "activity_failed_unexpectedly",
            activity=activity.info().activity_type,
            exception=masked(traceback.format_exc()),
        )
        raise ApplicationError(
            f"The worker met an error of its own ({type(error).__name__}); its log has it.",
            {"kind": "runtime", "status": 500, "attempts": activity.info().attempt},
            type="internal",
            non_retryable=True,
        ) from None


def as_failure(
    error: MillwrightError,
    masked: Callable[[str], str] = _as_it_is,
    *,
    repeats: bool = True,
) -> ApplicationError:
    """Return the failure for one domain error."""
    retry_after_s: float | None = getattr(error, "retry_after_s", None)
    return ApplicationError(
        masked(error.message),
        {
            "kind": getattr(error, "kind", None) or kind_of(type(error)),
            "title": masked(getattr(error, "title", error.code.replace("-", " ").capitalize())),
            "status": getattr(error, "upstream_status", None) or error.status,
            "attempts": activity.info().attempt,
        },
        type=error.code,
        non_retryable=not (error.retryable and repeats),
        next_retry_delay=timedelta(seconds=retry_after_s) if retry_after_s else None,
    )


def kind_of(error: type[MillwrightError]) -> str:
    """Return the language's error type for a class of domain errors."""
    return next(KINDS[cls] for cls in error.__mro__ if cls in KINDS)
