"""A killed worker does not keep its place before others, and its own call finds it again."""

import os
import signal

import pytest

from millwright_client import Millwright
from tests.durability.test_killed_processes import own_system, wait_until
from tests.fixtures.system import System
from tests.interpreter.door import Door, door

__all__ = ["door", "own_system"]

DEFINITION = """\
document: {{ dsl: '1.0.3', namespace: tests, name: {name}, version: '1.0.0' }}
do:
  - ask:
      call: http
      with: {{ method: {method}, endpoint: '{url}/{name}' }}
      metadata: {{ millwright: {{ concurrency: {{ limit: 1, key: press }} }} }}
"""


def started(client: Millwright, door: Door, name: str, method: str) -> str:
    client.workflows.publish(DEFINITION.format(name=name, method=method, url=door.url))
    return client.workflows.start("tests", name).id


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("method", "status", "asked"), [("get", "COMPLETED", 2), ("post", "FAILED", 1)]
)
def test_the_call_of_a_killed_worker_makes_room_when_it_is_over(
    own_system: System, door: Door, method: str, status: str, asked: int
) -> None:
    worker = own_system.start_worker()
    own_system.start_api()
    with own_system.new_tenant() as client:
        first = started(client, door, "first", method)
        door.until(1)
        second = started(client, door, "second", "get")
        wait_until(lambda: bool(client.instances.get(second).waiting_for))
        os.killpg(worker.pid, signal.SIGKILL)
        own_system.start_worker()
        door.open()
        ends = [client.wait(each, timeout=120) for each in (first, second)]
    assert [each.status for each in ends] == [status, "COMPLETED"]
    # What may have been executed is sent again only where that does no harm.
    assert sorted(door.came) == ["/first"] * asked + ["/second"]
    assert door.came[-1] == "/second" or method == "post"
