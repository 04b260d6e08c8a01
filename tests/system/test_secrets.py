"""A secret's whole life: stored over REST, sent by a worker, rotated, deleted; and never told."""

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from foundation.database import Database
from millwright_client import Instance, Millwright
from tests.fixtures.system import System

PLANTED = "s3cr3t-plant-key-of-the-whole-system"
ROTATED = "r0tated-plant-key-of-the-whole-system"
ORDER = """
document: { dsl: '1.0.3', namespace: press-line, name: order, version: '1.0.0' }
use: { secrets: [ erp ] }
do:
  - ask:
      call: http
      with:
        method: get
        endpoint: https://httpbin.org/anything/order
        headers: { X-Key: '${ $secrets.erp.token }' }
"""


@pytest.fixture
def plant(client: Millwright) -> Millwright:
    """A tenant that has the secret and a definition which sends it."""
    client.secrets.put("erp", {"token": PLANTED})
    client.workflows.publish(ORDER)
    return client


def ordered(client: Millwright) -> Instance:
    started = client.workflows.start("press-line", "order")
    return client.wait(started.id, timeout=60)


def hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def everything_stored(system: System) -> str:
    """Spell all rows of all tables."""
    database = Database(system.settings.database)
    try:
        names = inspect(database.engine).get_table_names()
        with database.session() as session:
            rows = [
                str(row)
                for name in names
                for row in session.execute(text(f'select * from "{name}"'))  # noqa: S608 - ours
            ]
    finally:
        database.close()
    return "\n".join(rows)


def test_a_worker_sends_a_secret_as_it_is_at_that_moment(plant: Millwright) -> None:
    first = ordered(plant)
    assert first.status == "COMPLETED", first.error
    assert first.output["hashes"]["X-Key"] == hashed(PLANTED)
    assert first.output["headers"]["X-Key"] == "***"

    plant.secrets.put("erp", {"token": ROTATED})
    assert ordered(plant).output["hashes"]["X-Key"] == hashed(ROTATED)

    plant.secrets.delete("erp")
    failed = ordered(plant)
    assert failed.status == "FAILED"
    assert failed.error is not None
    assert failed.error["type"].endswith("/configuration")
    assert "no secret called 'erp'. Set it with PUT /api/v1/secrets/erp" in failed.error["detail"]


def test_a_secret_is_in_no_table_and_in_no_log(plant: Millwright, system: System) -> None:
    instance = ordered(plant)
    assert instance.status == "COMPLETED", instance.error
    rows = everything_stored(system)
    logs = "\n".join(file.read_text() for file in Path(system.folder).glob("*.log"))
    assert "press-line" in rows
    assert "http_request" in logs
    for told in (rows, logs, str(instance), str(plant.secrets.list())):
        assert PLANTED not in told
