"""What a worker sees to beside its tasks, again and again.

Any number of workers do it at the same time: each row is taken by one of them.
"""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import TypeAlias

from temporalio.client import Client

from foundation.database import Database
from foundation.repeating import repeated
from foundation.settings import Settings
from toolhub.calls import sweeping as calls
from toolhub.fallbacks import sweeping as fallbacks
from toolhub.health import sweeping as health
from toolhub.ledger import sweeping as ledger
from toolhub.refreshing import sweeping as refreshing
from toolhub.wiring import ToolhubParts
from workflows.approvals import sweeping as approvals
from workflows.approvals.desk import Desk
from workflows.events import sweeping as occurred
from workflows.events.outbox import Outbox
from workflows.events.service import Events
from workflows.events.telling import sweeping as telling
from workflows.triggers import sweeping as triggering
from workflows.triggers.keeping import Triggers

# Something that goes on for as long as the worker does.
Sweep: TypeAlias = Callable[[], Coroutine[None, None, None]]
_Work: TypeAlias = Callable[[], Awaitable[object]]


def sweeps(
    settings: Settings,
    database: Database,
    client: Client,
    *,
    events: Events,
    triggers: Triggers,
    toolhub: ToolhubParts,
) -> list[Sweep]:
    """List what has to be seen to."""
    outbox, kept = Outbox(database), timedelta(seconds=settings.mqtt.keep_s)
    wanted: dict[str, tuple[_Work, float]] = {
        "events_not_swept": (partial(occurred.sweep, events), occurred.EVERY_S),
        "events_not_purged": (
            partial(occurred.purge, events, outbox, kept),
            occurred.PURGE_EVERY_S,
        ),
        "lifecycle_not_swept": (partial(telling.sweep, events, client), telling.EVERY_S),
        "approvals_not_swept": (
            partial(approvals.sweep, Desk(database), client),
            approvals.EVERY_S,
        ),
        "schedules_not_swept": (partial(triggering.sweep, triggers), triggering.EVERY_S),
    }
    wanted |= _of_the_hub(settings, toolhub)
    return [
        partial(repeated, work, every_s=every_s, failed=failed)
        for failed, (work, every_s) in wanted.items()
    ]


def _of_the_hub(settings: Settings, toolhub: ToolhubParts) -> dict[str, tuple[_Work, float]]:
    keep = settings.toolhub
    return {
        "mcp_servers_not_refreshed": (
            partial(refreshing.sweep, toolhub.registry, toolhub.refreshes),
            refreshing.EVERY_S,
        ),
        "mcp_servers_not_checked": (partial(health.sweep, toolhub.health), health.EVERY_S),
        "mcp_calls_not_swept": (
            partial(calls.sweep, toolhub.calls, timedelta(days=keep.keep_calls_days)),
            calls.EVERY_S,
        ),
        "mcp_last_results_not_swept": (
            partial(fallbacks.sweep, toolhub.last_good),
            fallbacks.EVERY_S,
        ),
        "mcp_ledger_not_swept": (
            partial(ledger.sweep, toolhub.ledger, timedelta(days=keep.keep_ledger_days)),
            ledger.EVERY_S,
        ),
    }
