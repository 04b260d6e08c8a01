"""The API process: connect, wire, serve until SIGTERM or SIGINT."""

from contextlib import AsyncExitStack
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.server import Server
from api.wiring import build_services
from foundation import garbage
from foundation.blobs import open_store
from foundation.database import Database
from foundation.redis import open_redis
from foundation.settings import Settings
from foundation.telemetry import open_telemetry
from foundation.temporal import connect
from security.egress import Egress
from security.egress.stored import StoredRules

log = structlog.get_logger()

# For what is under way; who only waits is sent home at once (api.server).
SHUTDOWN_S: Final = 5


async def run(settings: Settings) -> None:
    """Serve the API.

    Raises:
        UnavailableError: When Temporal does not answer.
        MasterKeyError: When there is no master key.
    """
    async with AsyncExitStack() as closing:
        telemetry = open_telemetry(settings.telemetry, "millwright-api")
        closing.push_async_callback(telemetry.aclose)
        database, blobs = Database(settings.database), open_store(settings.blobs)
        closing.callback(database.close)
        closing.callback(blobs.close)
        redis, egress = open_redis(settings.redis), Egress(settings.egress, StoredRules(database))
        if redis is not None:
            closing.push_async_callback(redis.aclose)
        closing.push_async_callback(egress.aclose)
        temporal = await connect(settings.temporal, blobs=blobs, lazy=True, telemetry=telemetry)
        services = build_services(
            settings, database, temporal, egress, redis=redis, telemetry=telemetry
        )
        closing.push_async_callback(services.publisher.aclose)
        closing.push_async_callback(services.hub_parts.aclose)
        log.info("api_starting", host=settings.api.host, port=settings.api.port)
        config = _config(create_app(services, settings, telemetry), settings)
        garbage.settle()
        await Server(config, services.instances.dismiss).serve()


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.api.host,
        port=settings.api.port,
        # Our own logging is set up, and our own line per request knows more.
        log_config=None,
        access_log=False,
        lifespan="off",
        # Nothing here depends on who a proxy says is calling.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
