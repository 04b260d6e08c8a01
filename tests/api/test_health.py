import dataclasses

import httpx2
import pytest
from pydantic import SecretStr
from temporalio.client import Client

from api.app import create_app
from api.services import Services
from api.wiring import build_services
from deploy.local.ports import free_port
from foundation.database import Database
from foundation.settings import DatabaseSettings
from foundation.telemetry import OFF
from security.egress import Egress

pytestmark = pytest.mark.anyio


async def ask(services: Services, path: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=create_app(services, services.settings))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as http:
        return await http.get(path)


def nowhere() -> Database:
    url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    return Database(DatabaseSettings(url=SecretStr(url)))


async def test_ready_when_database_and_temporal_answer(services: Services) -> None:
    answer = await ask(services, "/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_not_ready_names_the_database(services: Services) -> None:
    answer = await ask(dataclasses.replace(services, database=nowhere()), "/readyz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "Not ready: no answer from database."
    assert answer.json()["down"] == ["database"]
    assert answer.headers["retry-after"] == "1"


async def test_not_ready_names_temporal(services: Services) -> None:
    gone = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    answer = await ask(dataclasses.replace(services, temporal=gone), "/readyz")
    assert answer.status_code == 503
    assert answer.json()["down"] == ["temporal"]


async def test_alive_even_when_everything_else_is_down(services: Services) -> None:
    gone = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    alone = dataclasses.replace(services, database=nowhere(), temporal=gone)
    assert (await ask(alone, "/healthz")).status_code == 200
    assert (await ask(alone, "/readyz")).json()["down"] == ["database", "temporal"]


async def test_a_database_that_is_gone_is_a_503_problem_for_whoever_logs_in(
    services: Services, egress: Egress
) -> None:
    cut_off = build_services(
        services.settings, nowhere(), services.temporal, egress, redis=None, telemetry=OFF
    )
    transport = httpx2.ASGITransport(app=create_app(cut_off, services.settings))
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as http:
        answer = await http.post(
            "/api/v1/auth/login", json={"email": "a@b.example", "password": "x"}
        )
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:millwright:problem:unavailable"
