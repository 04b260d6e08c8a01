"""The API process: connect, wire, serve until SIGTERM or SIGINT."""

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
    database = Database(settings.database)
    egress, blobs = Egress(settings.egress, StoredRules(database)), open_store(settings.blobs)
    redis = open_redis(settings.redis)
    telemetry = open_telemetry(settings.telemetry, "millwright-api")
    try:
        temporal = await connect(settings.temporal, blobs=blobs, lazy=True, telemetry=telemetry)
        services = build_services(settings, database, temporal, egress, redis, telemetry=telemetry)
        log.info("api_starting", host=settings.api.host, port=settings.api.port)
        config = _config(create_app(services, settings, telemetry), settings)
        garbage.settle()
        try:
            await Server(config, services.instances.dismiss).serve()
        finally:
            await services.programs.aclose()
            await services.logins.aclose()
            await services.call_log.aclose()
            await services.publisher.aclose()
    finally:
        await egress.aclose()
        if redis is not None:
            await redis.aclose()
        blobs.close()
        database.close()
        await telemetry.aclose()


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
