"""What the conformance kit leaves out, in its manner: `features/`, executed as the kit is."""

from collections.abc import Iterator

import pytest
from pytest_bdd import scenarios

from millwright_client import Millwright
from tests.fixtures.system import System

scenarios("features")


@pytest.fixture(scope="module")
def client(system: System) -> Iterator[Millwright]:
    """An administrator; all scenarios share the tenant, and have workflows of their own."""
    with system.new_tenant() as client:
        yield client
