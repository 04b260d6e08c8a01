from collections.abc import Iterator

import pytest

from tests.faults.server import FaultServer, serving
from tests.faults.ways import fault_server
from tests.toolhub.conftest import (
    _database,
    another,
    database,
    egress,
    hub,
    parts,
    registry,
    sealer,
)

__all__ = ["_database", "another", "database", "egress", "hub", "parts", "registry", "sealer"]


@pytest.fixture(scope="session")
def faulty() -> Iterator[FaultServer]:
    """A server that misbehaves as its address says."""
    with serving(fault_server()) as server:
        yield server
