"""The worker that runs programs and does nothing else.

It has a queue of its own, so that nobody's code runs beside other work without anybody having
decided so. Where its machine does not isolate programs it takes them all the same, and refuses each
with the reason: nobody waits for ever.
"""

import asyncio
import signal
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from activities.logins import Authenticator
from activities.programs import Containers, FeatureGate, ProgramActivities
from activities.programs.sandbox import (
    Images,
    Limits,
    Refusing,
    Sandbox,
    proven,
    proven_for_images,
)
from foundation.blobs import open_store
from foundation.database import Database
from foundation.settings import ProgramSettings, Settings
from foundation.telemetry import open_telemetry
from security.egress import Egress
from security.egress.stored import StoredRules
from security.features.service import Features
from security.sealing import Sealer
from security.secrets.service import Secrets
from workers.main import connected
from workflows.interpreter.tasks.run_program import QUEUE
from workflows.secrets import SecretOpener, StoredSecrets

log = structlog.get_logger()

_MIB = 1024 * 1024


def build_worker(
    client: Client,
    settings: Settings,
    database: Database,
    sandbox: Sandbox,
    *,
    containers: Containers,
    egress: Egress,
    logins: Authenticator,
) -> Worker:
    """List what this worker can do. All that has connections belongs to the caller."""
    sealer = Sealer.from_settings(settings.security)
    programs = ProgramActivities(
        sandbox,
        FeatureGate(Features(database)),
        limits_of(settings.programs),
        egress=egress,
        opener=SecretOpener(StoredSecrets(Secrets(database, sealer))),
        logins=logins,
        containers=containers,
    )
    return Worker(
        client,
        task_queue=settings.temporal.task_queue + QUEUE.suffix,
        activities=[programs.run],
        max_concurrent_activities=settings.programs.max_concurrent,
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=settings.worker.graceful_shutdown_s),
    )


def limits_of(settings: ProgramSettings) -> Limits:
    """Return the most that one program may take here."""
    return Limits(
        time_s=settings.max_time_s,
        cpu_s=settings.max_cpu_s,
        memory_bytes=settings.memory_mb * _MIB,
        processes=settings.max_processes,
        disk_bytes=settings.disk_mb * _MIB,
        output_bytes=settings.max_output_bytes,
    )


async def _containers(settings: ProgramSettings, sandbox: Sandbox) -> Containers:
    """Try the sandbox with an image, where there are to be any."""
    images = Images(settings.images)
    if settings.images is None:
        return Containers(images, sandbox)
    containers = Containers(images, await proven_for_images(sandbox))
    if isinstance(containers.sandbox, Refusing):
        log.error("containers_refused", why=containers.sandbox.reason)
    return containers


def _are_run(containers: Containers) -> bool:
    has_images = containers.images.folder is not None
    return has_images and not isinstance(containers.sandbox, Refusing)


async def run(settings: Settings) -> None:
    """Poll until SIGTERM or SIGINT, then finish what runs."""
    database = Database(settings.database)
    egress = Egress(settings.egress, StoredRules(database))
    logins = Authenticator(egress)
    blobs = open_store(settings.blobs)
    telemetry = open_telemetry(settings.telemetry, "millwright-programs")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        sandbox = await proven()
        if isinstance(sandbox, Refusing):
            log.error("programs_refused", why=sandbox.reason)
        containers = await _containers(settings.programs, sandbox)
        client = await connected(settings, blobs, stop, telemetry)
        if client is None:
            return
        worker = build_worker(
            client,
            settings,
            database,
            sandbox,
            containers=containers,
            egress=egress,
            logins=logins,
        )
        async with worker:
            log.info(
                "program_worker_ready",
                address=settings.temporal.address,
                task_queue=worker.task_queue,
                isolated=not isinstance(sandbox, Refusing),
                containers=_are_run(containers),
            )
            await stop.wait()
            log.info("worker_stopping")
    finally:
        await logins.aclose()
        await egress.aclose()
        database.close()
        await telemetry.aclose()
