"""The worker: everything it can do, wired in one place."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities.a2a import A2aActivities
from activities.approvals import ApprovalActivities
from activities.asyncapi import AsyncApiActivities
from activities.definitions import DefinitionActivities, LoadDefinition, LoadedDefinition
from activities.events import EventActivities
from activities.grpc import GrpcActivities
from activities.grpc.channels import Channels
from activities.http import HttpActivities
from activities.limits.guard import LimitsInterceptor
from activities.logins import Authenticator
from activities.mcp import McpActivities
from activities.notify import MailServer, Notifier, NotifyActivities
from activities.schedules import ScheduleActivities
from foundation import garbage
from foundation.blobs import BlobStore, open_store
from foundation.database import Database
from foundation.errors import UnavailableError
from foundation.redis import open_redis
from foundation.settings import Settings
from foundation.telemetry import Telemetry, open_telemetry
from foundation.temporal import connect
from security.accounts.people import StoredPeople
from security.egress import Egress
from security.egress.stored import StoredRules
from security.sealing import Sealer
from security.secrets.service import Secrets
from toolhub.wiring import ToolhubParts, build_toolhub
from workers.sweeps import Sweep, sweeps
from workflows.approvals.wiring import Connections, build_approvals, build_links
from workflows.catalog import Catalog
from workflows.events.outbox import Outbox
from workflows.events.relaying import BrokerLink, Relay
from workflows.events.service import Events
from workflows.events.wiring import build_events
from workflows.interpreter.lifecycle import HandedOver
from workflows.interpreter.types import ENGINE
from workflows.interpreter.workflow import Interpreter
from workflows.limits import CountedGate
from workflows.notifications import StoredLedger
from workflows.runs.pages import PageTokens
from workflows.secrets import SecretOpener, StoredSecrets
from workflows.triggers.keeping import Triggers
from workflows.triggers.wiring import build_triggers

log = structlog.get_logger()

CONNECT_AGAIN_S: Final = 3.0
BLOBS_AT_ONCE: Final = 8


@dataclass(frozen=True)
class CatalogSource:
    """The catalogue, as the activity that reads definitions wants it."""

    catalog: Catalog

    def load(self, request: LoadDefinition) -> LoadedDefinition:
        """Read a published definition."""
        found = (
            self.catalog.by_hash(request.tenant_id, request.hash)
            if request.hash
            else self.catalog.get(
                request.tenant_id, request.namespace, request.name, request.version
            )
        )
        return LoadedDefinition(
            version=found.version, hash=found.hash, document=found.document, engine=ENGINE
        )


def build_worker(
    client: Client,
    settings: Settings,
    database: Database,
    *,
    events: Events,
    triggers: Triggers,
    egress: Egress,
    channels: Channels,
    logins: Authenticator,
    toolhub: ToolhubParts,
) -> Worker:
    """List everything this worker can do. All that has connections belongs to the caller."""
    sealer = Sealer.from_settings(settings.security)
    opener = SecretOpener(StoredSecrets(Secrets(database, sealer)))
    a2a = A2aActivities(egress, opener, logins)
    http = HttpActivities(egress, opener, logins)
    grpc = GrpcActivities(egress, channels, opener, logins)
    mcp = McpActivities(toolhub.hub, opener, logins)
    asyncapi = AsyncApiActivities(egress, opener, logins)
    people = StoredPeople(database)
    pages = PageTokens(sealer.derive("page-tokens"))
    approvals = build_approvals(Connections(database, client, people), sealer, pages)
    links = build_links(approvals, people, sealer, settings)
    notifier = Notifier(egress, MailServer(settings.smtp), StoredLedger(database), links)
    notify = NotifyActivities(notifier, opener)
    definitions = DefinitionActivities(CatalogSource(Catalog(database)))
    desk = EventActivities(events)
    shown = ApprovalActivities(approvals.inbox.desk)
    schedules = ScheduleActivities(triggers.ledger)
    return Worker(
        client,
        task_queue=settings.temporal.task_queue,
        workflows=[Interpreter, HandedOver],
        activities=[
            definitions.load_definition,
            a2a.a2a_call,
            grpc.grpc_call,
            http.http_call,
            http.openapi_call,
            asyncapi.publish,
            asyncapi.subscribe,
            asyncapi.poll,
            asyncapi.close,
            shown.show,
            desk.take,
            desk.close,
            desk.publish,
            desk.publish_all,
            mcp.mcp_call,
            mcp.mcp_request,
            mcp.mcp_answer,
            mcp.mcp_task_follow,
            mcp.mcp_task_cancel,
            notify.notify,
            schedules.follow,
        ],
        # Fewer idle long polls than a fixed number, and a tenth more throughput under load.
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        max_concurrent_activities=settings.worker.max_activities,
        max_concurrent_workflow_tasks=settings.worker.max_workflow_tasks,
        max_cached_workflows=settings.worker.max_cached_runs,
        interceptors=[LimitsInterceptor(CountedGate(database))],
        disable_eager_activity_execution=is_fair(settings),
        # A fork of a hundred large calls is stored with one workflow task.
        max_workflow_task_external_storage_concurrency=BLOBS_AT_ONCE,
        # Reports are held back no longer than this: "sent" must be known before we can die of it.
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=settings.worker.graceful_shutdown_s),
    )


def is_fair(settings: Settings) -> bool:
    """Tell whether calls must stand in the queue, where tenants take turns."""
    fair = settings.worker.fair
    return settings.profile == "production" if fair is None else fair


@dataclass(frozen=True)
class Held:
    """What a worker holds for as long as it lives."""

    database: Database
    egress: Egress
    channels: Channels
    logins: Authenticator
    blobs: BlobStore
    telemetry: Telemetry
    toolhub: ToolhubParts


async def run(settings: Settings) -> None:
    """Poll until SIGTERM or SIGINT, then finish what runs."""
    async with AsyncExitStack() as closing:
        held = _opened(settings, closing)
        stop = _told_to_stop()
        client = await connected(settings, held.blobs, stop, held.telemetry)
        if client is not None:
            garbage.settle()
            await _work(settings, client, held, stop)


def _opened(settings: Settings, closing: AsyncExitStack) -> Held:
    """Open everything; it is closed the other way round."""
    telemetry = open_telemetry(settings.telemetry, "millwright-worker")
    closing.push_async_callback(telemetry.aclose)
    database, redis = Database(settings.database), open_redis(settings.redis)
    closing.callback(database.close)
    if redis is not None:
        closing.push_async_callback(redis.aclose)
    egress = Egress(settings.egress, StoredRules(database))
    closing.push_async_callback(egress.aclose)
    channels, logins = Channels(egress), Authenticator(egress)
    closing.push_async_callback(channels.aclose)
    closing.push_async_callback(logins.aclose)
    blobs = open_store(settings.blobs)
    closing.callback(blobs.close)
    sealer = Sealer.from_settings(settings.security)
    toolhub = build_toolhub(database, sealer, egress, settings, redis=redis, telemetry=telemetry)
    closing.push_async_callback(toolhub.aclose)
    return Held(database, egress, channels, logins, blobs, telemetry, toolhub)


def _told_to_stop() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _work(settings: Settings, client: Client, held: Held, stop: asyncio.Event) -> None:
    database, toolhub = held.database, held.toolhub
    events = build_events(database, client, settings.events, settings.mqtt)
    triggers = build_triggers(database, client, Catalog(database), settings.temporal)
    worker = build_worker(
        client,
        settings,
        database,
        events=events,
        triggers=triggers,
        egress=held.egress,
        channels=held.channels,
        logins=held.logins,
        toolhub=toolhub,
    )
    beside = sweeps(settings, database, client, events=events, triggers=triggers, toolhub=toolhub)
    if settings.mqtt.host is not None:
        relay = Relay(Outbox(database), events.outgoing, BrokerLink(held.egress, settings.mqtt))
        beside.append(relay.for_ever)
    async with worker, sweeping(events, beside):
        log.info(
            "worker_ready",
            address=settings.temporal.address,
            task_queue=settings.temporal.task_queue,
        )
        await stop.wait()
        log.info("worker_stopping")


@asynccontextmanager
async def sweeping(events: Events, swept: Sequence[Sweep]) -> AsyncIterator[None]:
    """Sweep beside the worker; an error that nobody expected stops it."""
    try:
        async with asyncio.TaskGroup() as beside:
            tasks = [beside.create_task(sweep()) for sweep in swept]
            yield
            for task in tasks:
                task.cancel()
    finally:
        await events.aclose()


async def connected(
    settings: Settings, blobs: BlobStore, stop: asyncio.Event, telemetry: Telemetry
) -> Client | None:
    """Connect, however long Temporal or the blob store is away; None when somebody stops us first.

    A worker that cannot read what runs are made of must not take any.
    """
    while not stop.is_set():
        try:
            await blobs.check()
            return await connect(settings.temporal, blobs=blobs, telemetry=telemetry)
        except UnavailableError as error:
            log.warning("not_connected", why=error.message, again_in_s=CONNECT_AGAIN_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), CONNECT_AGAIN_S)
    return None
