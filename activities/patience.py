"""Wait while our own database is away: an outage of ours delays a run and does not fault it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from foundation.errors import UnavailableError, UpstreamError
from security.egress import Egress, WayOut

# Within one attempt; the attempts of an activity together wait four times as long.
PATIENCE_S: Final = 60.0
_AGAIN_S: Final = 1.0

T = TypeVar("T")


async def way_out(egress: Egress, tenant_id: str) -> WayOut:
    """Wait until it is known where a tenant's requests may go; before anything is marked as sent.

    Raises:
        EgressUnknownError: It cannot be read for a minute.
    """
    return await patiently(lambda: egress.of(tenant_id))


async def patiently(action: Callable[[], Awaitable[T]]) -> T:
    """Repeat an action while something of ours cannot be reached.

    What others fail to answer (`UpstreamError`) is not repeated here, nor what was sent to them.

    Raises:
        UnavailableError: When it is still away after a minute.
    """
    until = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        try:
            return await action()
        except UpstreamError:
            raise
        except UnavailableError:
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(_AGAIN_S)
