"""How a refusal of Temporal reads: one translation of RPC errors into ours."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from temporalio.service import RPCError, RPCStatusCode

from foundation.errors import InvalidInputError, MillwrightError, UnavailableError

# One request to a healthy server takes milliseconds; the client library would go on trying.
RPC_TIMEOUT: Final = timedelta(seconds=5)

_REFUSED: Final = frozenset({RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.OUT_OF_RANGE})


@contextmanager
def translated(missing: Callable[[], MillwrightError]) -> Iterator[None]:
    """Translate what Temporal says no to.

    Args:
        missing: Makes the error for a thing that is not there.

    Raises:
        InvalidInputError: When Temporal finds the request itself wrong; its words are quoted.
        UnavailableError: When it cannot be reached or does not answer in time.
    """
    try:
        yield
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise missing() from error
        if error.status in _REFUSED:
            raise InvalidInputError(f"Temporal does not accept this: {error.message}") from error
        raise UnavailableError(
            f"Temporal did not answer ({error.status.name.lower()}). Try again; if it stays, "
            "check MILLWRIGHT_TEMPORAL_ADDRESS and the Temporal server."
        ) from error
