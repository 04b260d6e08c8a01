"""What every source of secrets does, in memory or in our database."""

from collections.abc import Collection

import pytest
from typing_extensions import override

from foundation.database import Database
from foundation.errors import NotFoundError, UnavailableError
from foundation.json import JsonValue
from security.sealing import Sealer
from security.secrets.service import Secrets
from workflows.secrets import SecretsInMemory, SecretSource, StoredSecrets

pytestmark = pytest.mark.anyio

PAIR: JsonValue = {"username": "press-line", "password": "s3cr3t-plant-key"}
GIVEN: dict[tuple[str, str], JsonValue] = {
    ("plant-7", "erp"): PAIR,
    ("plant-7", "mes"): "mes-t0ken",
    ("plant-8", "erp"): "of another plant",
}


@pytest.fixture
def stored(database: Database) -> StoredSecrets:
    secrets = Secrets(database, Sealer(bytes(range(32))))
    for (tenant, name), value in GIVEN.items():
        secrets.put(tenant, name, value, "ana")
    return StoredSecrets(secrets)


@pytest.fixture(params=["in memory", "stored"])
def source(request: pytest.FixtureRequest) -> SecretSource:
    if request.param == "in memory":
        return SecretsInMemory(GIVEN)
    stored: StoredSecrets = request.getfixturevalue("stored")
    return stored


async def test_secrets_of_the_tenant_are_read_by_name(source: SecretSource) -> None:
    assert await source.read("plant-7", ("erp", "mes")) == {"erp": PAIR, "mes": "mes-t0ken"}
    assert await source.read("plant-8", ("erp",)) == {"erp": "of another plant"}
    assert await source.read("plant-7", ()) == {}


async def test_what_is_missing_is_an_error_that_names_it(source: SecretSource) -> None:
    with pytest.raises(NotFoundError, match="wms") as caught:
        await source.read("plant-7", ("erp", "wms"))
    assert "mes" not in caught.value.message
    with pytest.raises(NotFoundError, match="mes"):
        await source.read("plant-8", ("mes",))


class LateDatabase(Secrets):
    """Is away when it is first asked."""

    asked = 0

    @override
    def read(self, tenant_id: str, names: Collection[str]) -> dict[str, JsonValue]:
        self.asked += 1
        if self.asked == 1:
            raise UnavailableError("The database cannot be reached.")
        return super().read(tenant_id, names)


async def test_a_database_that_is_away_is_waited_for(database: Database) -> None:
    secrets = LateDatabase(database, Sealer(bytes(range(32))))
    secrets.put("plant-7", "erp", PAIR, "ana")
    assert await StoredSecrets(secrets).read("plant-7", ("erp",)) == {"erp": PAIR}
    assert secrets.asked == 2
