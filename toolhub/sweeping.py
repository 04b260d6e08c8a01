"""Seeing to servers that are due, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog
from anyio import to_thread

from foundation.errors import MillwrightError

log = structlog.get_logger()

# One that does not answer keeps its place until that has timed out.
AT_ONCE: Final = 8
# Then there is a pause, however many are due.
_IN_ONE_GO: Final = 256


@dataclass(frozen=True)
class Due:
    """A server that this process has taken, and sees to now."""

    tenant_id: str
    server: str


AnyDue = TypeVar("AnyDue", bound=Due)


async def see_to(
    take: Callable[[], AnyDue | None], what: Callable[[AnyDue], Awaitable[object]], *, failed: str
) -> int:
    """Do something about each server that is due; return how many that were.

    What stands in the way of one must not stand in that of others.

    Args:
        take: Takes one that is due, in a thread; it is due again by itself. Only when there is room
            for it: while it waits here, nobody else could see to it.
        what: Told each.
        failed: Event of the log when it cannot be done.
    """
    room, taken = asyncio.Semaphore(AT_ONCE), 0

    async def one(due: AnyDue) -> None:
        try:
            await what(due)
        except MillwrightError as error:
            log.warning(failed, tenant=due.tenant_id, server=due.server, why=error.message)
        except Exception:
            # A server that finds a defect of ours must not end the worker.
            log.exception("mcp_server_not_understood", tenant=due.tenant_id, server=due.server)
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        while taken < _IN_ONE_GO:
            await room.acquire()
            due = await to_thread.run_sync(take)
            if due is None:
                break
            taken += 1
            group.create_task(one(due))
    return taken
