"""The whole application in process, on a real database and a real Temporal server."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from temporalio.client import Client

from api.app import create_app
from api.services import Services
from api.wiring import build_services
from foundation.database import Database
from foundation.settings import Settings
from foundation.telemetry import OFF
from security.egress import Egress
from security.egress.stored import StoredRules
from tests.api.people import Person, person


@pytest.fixture
async def egress(settings: Settings, database: Database) -> AsyncIterator[Egress]:
    egress = Egress(settings.egress, StoredRules(database))
    yield egress
    await egress.aclose()


@pytest.fixture
async def services(
    settings: Settings, database: Database, temporal: Client, egress: Egress
) -> AsyncIterator[Services]:
    made = build_services(settings, database, temporal, egress, redis=None, telemetry=OFF)
    yield made
    await made.hub_parts.aclose()


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services, services.settings)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Nobody yet: add the headers of a person."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


@pytest.fixture
def admin(services: Services) -> Person:
    return person(services.accounts, "plant-7", "admin")


@pytest.fixture
def viewer(services: Services, admin: Person) -> Person:
    return person(services.accounts, admin.tenant_id, "viewer", new_tenant=False)


@pytest.fixture
def stranger(services: Services) -> Person:
    """The administrator of another tenant."""
    return person(services.accounts, "plant-8", "admin")
