"""Is this process alive, and can it work? For probes, so without logging in and with a bound."""

from datetime import timedelta
from typing import Final, Literal

import anyio
from anyio import CapacityLimiter
from fastapi import APIRouter
from pydantic import BaseModel
from temporalio.service import RPCError

from api.dependencies import ServicesDep
from api.services import Services
from foundation.errors import UnavailableError

router = APIRouter(tags=["health"])

# Probes ask every few seconds; a part that takes longer to answer is not ready.
PROBE_TIMEOUT_S: Final = 2.0
# A probe that hangs in its thread keeps its place, so that hanging probes do not pile up.
_PROBE_THREADS: Final = CapacityLimiter(2)


class Health(BaseModel, frozen=True):
    """All is well; what is not has the shape of a problem."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz() -> Health:
    """Tell that this process answers. Says nothing about what it needs."""
    return Health()


@router.get("/readyz")
async def readyz(parts: ServicesDep) -> Health:
    """Tell whether the database and Temporal can be reached; 503 names the one that cannot."""
    down: list[str] = []

    async def probe(name: str) -> None:
        if not await _PROBES[name](parts):
            down.append(name)

    async with anyio.create_task_group() as group:
        for name in _PROBES:
            group.start_soon(probe, name)
    if down:
        raise UnavailableError(
            f"Not ready: no answer from {' and '.join(sorted(down))}.",
            details={"down": [*sorted(down)]},
        )
    return Health()


async def _database_answers(parts: Services) -> bool:
    with anyio.move_on_after(PROBE_TIMEOUT_S):
        try:
            await anyio.to_thread.run_sync(
                parts.database.ping, abandon_on_cancel=True, limiter=_PROBE_THREADS
            )
        except UnavailableError:
            return False
        return True
    return False


async def _temporal_answers(parts: Services) -> bool:
    with anyio.move_on_after(PROBE_TIMEOUT_S):
        try:
            return await parts.temporal.service_client.check_health(
                timeout=timedelta(seconds=PROBE_TIMEOUT_S)
            )
        except (RPCError, RuntimeError):  # RuntimeError: a lazy client that cannot connect
            return False
    return False


_PROBES: Final = {"database": _database_answers, "temporal": _temporal_answers}
