"""The worker as the product builds it, for what the small one of `conftest` lacks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.client import Client

from activities.grpc.channels import Channels
from activities.logins import Authenticator
from foundation.database import Database
from foundation.settings import EgressSettings, Settings, WorkerSettings
from foundation.telemetry import OFF, Telemetry
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from toolhub.wiring import build_toolhub
from workers.main import build_worker
from workflows.catalog import Catalog
from workflows.events.wiring import build_events
from workflows.triggers.wiring import build_triggers


@asynccontextmanager
async def at_work(
    client: Client,
    settings: Settings,
    database: Database,
    *,
    slots: int = 100,
    fair: bool | None = None,
    telemetry: Telemetry = OFF,
) -> AsyncIterator[None]:
    """Let one worker be there."""
    given = settings.model_copy(
        update={
            "worker": WorkerSettings(max_activities=slots, fair=fair),
            "egress": EgressSettings(allow_networks=["127.0.0.0/8"]),
        }
    )
    egress = Egress(given.egress, UNRULED)
    channels, logins = Channels(egress), Authenticator(egress)
    events = build_events(database, client, given.events)
    triggers = build_triggers(database, client, Catalog(database), given.temporal)
    sealer = Sealer.from_settings(given.security)
    toolhub = build_toolhub(database, sealer, egress, given, redis=None, telemetry=telemetry)
    async with build_worker(
        client,
        given,
        database,
        egress=egress,
        channels=channels,
        logins=logins,
        events=events,
        triggers=triggers,
        toolhub=toolhub,
    ):
        yield
    await toolhub.aclose()
    await logins.aclose()
    await channels.aclose()
    await egress.aclose()
