from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from deploy.local.postgres import PostgresOptions
from foundation.database import Database
from foundation.settings import DatabaseSettings, EgressSettings
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from tests.fixtures.databases import fresh_database
from tests.fixtures.hubs import build_toolhub
from tests.toolhub.servers import (
    Changing,
    Seen,
    bad_server,
    good_server,
    serving,
    without_discovery,
)
from toolhub.hub import ToolHub
from toolhub.pinning.service import Drifts
from toolhub.registry import Registry
from toolhub.wiring import ToolhubParts


@pytest.fixture(scope="session")
def _database(postgres: PostgresOptions, template_database: str) -> Iterator[Database]:
    for url in fresh_database(postgres, template_database):
        database = Database(DatabaseSettings(url=SecretStr(url)))
        yield database
        database.close()


@pytest.fixture
def database(_database: Database) -> Iterator[Database]:
    """One database for all tests here, empty for each: there are many, and they are short."""
    yield _database
    with _database.session() as session:
        session.execute(text("truncate mcp_servers, mcp_call_logs, mcp_ledger cascade"))


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    made = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    yield made
    await made.aclose()


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(bytes(range(32)))


@pytest.fixture
async def parts(database: Database, sealer: Sealer, egress: Egress) -> AsyncIterator[ToolhubParts]:
    made = build_toolhub(database, sealer, egress)
    yield made
    await made.aclose()


@pytest.fixture
async def another(
    database: Database, sealer: Sealer, egress: Egress
) -> AsyncIterator[ToolhubParts]:
    """The hub of another process."""
    made = build_toolhub(database, sealer, egress)
    yield made
    await made.aclose()


@pytest.fixture
def registry(parts: ToolhubParts) -> Registry:
    return parts.registry


@pytest.fixture
def drifts(parts: ToolhubParts) -> Drifts:
    return parts.drifts


@pytest.fixture
def hub(parts: ToolhubParts) -> ToolHub:
    return parts.hub


@pytest.fixture(scope="session")
def good_seen() -> Seen:
    return Seen()


@pytest.fixture(scope="session")
def _good(good_seen: Seen) -> Iterator[str]:
    with serving(good_server(good_seen)) as url:
        yield f"{url}/mcp"


@pytest.fixture
def good(_good: str, good_seen: Seen) -> str:
    """Endpoint of a server made with the SDK."""
    good_seen.clear()
    return _good


@pytest.fixture(scope="session")
def legacy_seen() -> Seen:
    return Seen()


@pytest.fixture(scope="session")
def _legacy(legacy_seen: Seen) -> Iterator[str]:
    with serving(without_discovery(good_server(legacy_seen))) as url:
        yield f"{url}/mcp"


@pytest.fixture
def legacy(_legacy: str, legacy_seen: Seen) -> str:
    """Endpoint of a server that knows only the protocol of 2025."""
    legacy_seen.clear()
    return _legacy


@pytest.fixture(scope="session")
def bad_seen() -> Seen:
    return Seen()


@pytest.fixture(scope="session")
def _bad(bad_seen: Seen) -> Iterator[str]:
    with serving(bad_server(bad_seen)) as url:
        yield url


@pytest.fixture
def bad(_bad: str, bad_seen: Seen) -> str:
    """Base address of a server that misbehaves as its path says."""
    bad_seen.clear()
    return _bad


@pytest.fixture
def changing() -> Changing:
    return Changing()


@pytest.fixture
def changing_url(changing: Changing) -> Iterator[str]:
    with serving(changing.app) as url:
        yield f"{url}/mcp"
