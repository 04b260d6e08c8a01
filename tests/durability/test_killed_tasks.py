"""A worker dies while a tool runs on as a task at its server: another one goes on asking."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.durability.test_killed_processes import own_system, wait_until
from tests.fixtures.system import System
from tests.fixtures.task_server import WELDED, TaskServer

__all__ = ["own_system"]

DEFINITION = """
document: { dsl: '1.0.3', namespace: tests, name: weld, version: '1.0.0' }
do:
  - weld: { call: mcp.tool, with: { server: cell, tool: weld, arguments: { seam: 1 } } }
"""
END_S = 120


@pytest.fixture
def server() -> Iterator[TaskServer]:
    made = TaskServer()
    made.start()
    yield made
    made.stop()


@pytest.mark.timeout(300)
def test_another_worker_goes_on_asking_for_the_same_task(
    own_system: System, server: TaskServer
) -> None:
    worker = own_system.start_worker()
    own_system.start_api()
    with own_system.new_tenant() as client:
        client.mcp.register_server("cell", url=server.url)
        client.workflows.publish(DEFINITION)
        instance = client.workflows.start("tests", "weld").id
        wait_until(lambda: bool(server.asked))
        os.killpg(worker.pid, signal.SIGKILL)
        asked = len(server.asked)
        own_system.start_worker()
        wait_until(lambda: len(server.asked) > asked, END_S)
        server.end(status="completed", result=WELDED)
        ended = client.wait(instance, timeout=END_S)
    assert ended.status == "COMPLETED", ended.error
    assert ended.output == {"seams": 7}
    assert list(server.states) == ["T1"]
    assert len(server.calls) == 1
