"""A publisher that fetches from a real server, and keeps in a real database."""

from collections.abc import AsyncIterator

import pytest

from activities.logins import Authenticator
from foundation.database import Database
from foundation.settings import EgressSettings, Settings
from security.egress import UNRULED, Egress
from security.features.service import Features
from security.sealing import Sealer
from security.secrets.service import Secrets
from tests.fixtures.plant import HOST, Plant
from workflows.catalog import Catalog
from workflows.catalog.fetching import Fetcher
from workflows.catalog.functions.service import Functions
from workflows.catalog.publishing import Publisher
from workflows.secrets import SecretOpener, StoredSecrets


@pytest.fixture
def secrets(database: Database, settings: Settings) -> Secrets:
    return Secrets(database, Sealer.from_settings(settings.security))


@pytest.fixture
def functions(database: Database) -> Functions:
    return Functions(database)


@pytest.fixture
async def egress(plant: Plant) -> AsyncIterator[Egress]:
    hosts = {HOST: plant.url, "raw.githubusercontent.com": plant.url}
    egress = Egress(EgressSettings(host_map=hosts, allow_networks=["127.0.0.0/8"]), UNRULED)
    yield egress
    await egress.aclose()


@pytest.fixture
def publisher(
    database: Database, secrets: Secrets, functions: Functions, egress: Egress
) -> Publisher:
    opener = SecretOpener(StoredSecrets(secrets))
    fetcher = Fetcher(egress, functions, opener, Authenticator(egress))
    return Publisher(Catalog(database), functions, Features(database), fetcher)
