"""What every test can ask for; see `tests/fixtures`."""

import os
import signal

import pytest

from deploy.local.launch import die_with_parent

pytest_plugins = [
    "tests.fixtures.asyncapi_site",
    "tests.fixtures.databases",
    "tests.fixtures.grpc_line",
    "tests.fixtures.images",
    "tests.fixtures.mail_server",
    "tests.fixtures.mosquitto",
    "tests.fixtures.plant",
    "tests.fixtures.receiver",
    "tests.fixtures.redis_server",
    "tests.fixtures.settings",
    "tests.fixtures.stub_hosts",
    "tests.fixtures.system",
    "tests.fixtures.temporal",
    "tests.fixtures.token_server",
]
# What tells the tests themselves where something is, and how much to do.
FOR_TESTS = ("MILLWRIGHT_TEST_", "MILLWRIGHT_JQ_TESTS")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the settings of whoever runs the tests out of them, and end with that run."""
    for name in [
        name
        for name in os.environ
        if name.startswith("MILLWRIGHT_") and not name.startswith(FOR_TESTS)
    ]:
        del os.environ[name]
    if hasattr(config, "workerinput"):
        # A worker of pytest-xdist, in the middle of a test, would not notice that the run is dead.
        die_with_parent(os.getppid(), signal.SIGKILL)
