"""The front door of instances and schedules on a real port, with log-ins that need no database."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from api import problems
from api.instances.routes import router as instances
from api.schedules.routes import router as schedules
from api.server import Server
from foundation.errors import UnauthenticatedError
from security.permissions import permissions_of
from security.principal import Principal
from tests.instances.eventually import eventually
from workflows.instances.service import Instances
from workflows.schedules.service import Schedules


class NamedTokens:
    """Verifies `<tenant>:<role>`, as `AccessTokens` verifies what it signed."""

    def verify(self, token: str) -> Principal:
        tenant, _, role = token.partition(":")
        if not role:
            raise UnauthenticatedError("The access token is not valid here.")
        return Principal(
            tenant, "ana", "ana@plant.example", frozenset({role}), permissions_of([role])
        )


@dataclass(frozen=True)
class Parts:
    """What the routes find in the state of the application."""

    instances: Instances
    schedules: Schedules
    tokens: NamedTokens


def front_door(parts: Parts) -> FastAPI:
    app = FastAPI()
    app.state.services = parts
    app.include_router(instances)
    app.include_router(schedules)
    problems.install(app)
    return app


@asynccontextmanager
async def served(app: FastAPI, listening: socket.socket | None = None) -> AsyncIterator[str]:
    """Serve an application in this event loop; yields its address."""
    listening = listening or socket.create_server(("127.0.0.1", 0))
    # None of the tests may need this time-out: it would log an error.
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=10)
    server = Server(config, app.state.services.instances.dismiss)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await eventually(lambda: asyncio.sleep(0, server.started), bool)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
