"""Processes die; the run goes on, and no completed step is executed again."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import pytest
from pydantic import SecretStr

from deploy.local.ports import LOOPBACK, free_port, is_open
from deploy.local.postgres import PostgresOptions
from deploy.local.processes import Child, Program
from millwright_client import Instance, Millwright
from tests.fixtures.asyncapi_site import AsyncApiSite
from tests.fixtures.databases import fresh_database
from tests.fixtures.grpc_line import Protos
from tests.fixtures.mosquitto import PASSWORD, USER, Mosquitto
from tests.fixtures.system import System, system_settings

STEPS = 20
KILL_AFTER = (2, 6, 10, 14, 18)
PAUSE_MS = 400
# Between two messages: in its middle no tool runs, however slow the machine is.
QUIET_S = 2
# Temporal waits 10 s for the worker that held the run before it asks another one.
RUN_S = 150

DEFINITION = "document: { dsl: '1.0.3', namespace: tests, name: long, version: '1.0.0' }\ndo:\n" + (
    "".join(
        f"""  - step{number}:
      call: mcp.tool
      with: {{ server: ledger, tool: record, arguments: {{ step: {number} }} }}
  - pause{number}: {{ wait: {{ milliseconds: {PAUSE_MS} }} }}
"""
        for number in range(1, STEPS + 1)
    )
)


class Ledger:
    """What the MCP server executed."""

    def __init__(self, port: int, file: Path) -> None:
        self.url = f"http://{LOOPBACK}:{port}/mcp"
        self.file = file

    def lines(self) -> list[int]:
        return [int(line) for line in self.file.read_text(encoding="ascii").split()]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    file = tmp_path / "ledger.txt"
    file.touch()
    port = free_port()
    script = Path(__file__).with_name("ledger_server.py")
    child = Child(
        Program(
            name="ledger",
            command=(sys.executable, str(script), str(port), str(file)),
            log=tmp_path / "ledger.log",
        )
    )
    child.wait_ready(lambda: is_open(LOOPBACK, port), 30)
    yield Ledger(port, file)
    child.stop()


@pytest.fixture
def own_system(
    postgres: PostgresOptions,
    template_database: str,
    temporal_address: str,
    master_key: SecretStr,
    tmp_path: Path,
) -> Iterator[System]:
    """An installation whose processes may be killed."""
    for url in fresh_database(postgres, template_database):
        system = System(system_settings(url, temporal_address, master_key, {}, tmp_path), tmp_path)
        try:
            yield system
        finally:
            system.stop()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.02)


def start(client: Millwright, ledger: Ledger) -> str:
    client.mcp.register_server("ledger", url=ledger.url)
    client.workflows.publish(DEFINITION)
    return client.workflows.start("tests", "long").id


@pytest.mark.timeout(RUN_S + 60)
def test_a_run_survives_five_killed_workers_and_no_step_is_executed_twice(
    own_system: System, ledger: Ledger
) -> None:
    worker = own_system.start_worker()
    own_system.start_api()
    with own_system.new_tenant() as client:
        instance = start(client, ledger)
        for step in KILL_AFTER:
            wait_until(lambda step=step: len(ledger.lines()) >= step)  # type: ignore[misc]
            # In the pause behind the step: its result has long reached the server.
            sleep(PAUSE_MS / 2000)
            os.killpg(worker.pid, signal.SIGKILL)
            worker = own_system.start_worker()
        ended = client.wait(instance, timeout=RUN_S)
    assert ended.status == "COMPLETED", ended.error
    assert ledger.lines() == list(range(1, STEPS + 1))


def kill_in_flight(system: System, client: Millwright, ledger: Ledger, tool: str) -> Instance:
    """Kill the worker while a tool runs; another worker takes over."""
    worker = system.start_worker()
    client.mcp.register_server("ledger", url=ledger.url)
    client.workflows.publish(f"""
document: {{ dsl: '1.0.3', namespace: tests, name: slow, version: '1.0.0' }}
do:
  - slow:
      call: mcp.tool
      with: {{ server: ledger, tool: {tool}, arguments: {{ step: 1, seconds: 4 }} }}
""")
    started = client.workflows.start("tests", "slow")
    wait_until(lambda: len(ledger.lines()) == 1)
    os.killpg(worker.pid, signal.SIGKILL)
    system.start_worker()
    return client.wait(started.id, timeout=60)


@pytest.mark.timeout(150)
def test_a_tool_that_may_have_run_is_not_run_twice(own_system: System, ledger: Ledger) -> None:
    own_system.start_api()
    with own_system.new_tenant() as client:
        ended = kill_in_flight(own_system, client, ledger, "record_slowly")
    assert ended.status == "FAILED"
    assert ended.error is not None
    assert "not known whether" in ended.error["detail"]
    assert ledger.lines() == [1]


@pytest.mark.timeout(150)
def test_a_tool_that_says_it_is_idempotent_is_run_again(own_system: System, ledger: Ledger) -> None:
    own_system.start_api()
    with own_system.new_tenant() as client:
        ended = kill_in_flight(own_system, client, ledger, "record_slowly_idempotent")
    assert ended.status == "COMPLETED", ended.error
    assert ledger.lines() == [1, 1]
    assert ended.tasks[0].attempts == 2


@dataclass
class GrpcService:
    """A gRPC server of its own process."""

    port: int
    log: Path

    def calls(self) -> list[str]:
        return self.log.read_text(encoding="ascii").split() if self.log.exists() else []


@pytest.fixture
def grpc_service(tmp_path: Path) -> Iterator[GrpcService]:
    service = GrpcService(free_port(), tmp_path / "line.log")
    command = (sys.executable, "-m", "tests.fixtures.grpc_line", str(service.port))
    child = Child(Program(name="line", command=command, log=service.log))
    child.wait_ready(lambda: is_open(LOOPBACK, service.port), 30)
    yield service
    child.stop()


@pytest.mark.timeout(150)
def test_a_grpc_method_is_called_again_only_if_it_says_that_this_does_no_harm(
    own_system: System, grpc_service: GrpcService, protos: Protos
) -> None:
    own_system.start_api()
    worker = own_system.start_worker()
    with own_system.new_tenant() as client:
        for name, method in {"unsafe": "Fail", "safe": "FailSafely"}.items():
            client.workflows.publish(f"""
document: {{ dsl: '1.0.3', namespace: tests, name: {name}, version: '1.0.0' }}
do:
  - slow:
      call: grpc
      with:
        proto: {{ endpoint: '{protos.line}' }}
        service: {{ name: press.v1.Line, host: {LOOPBACK}, port: {grpc_service.port} }}
        method: {method}
        arguments: {{ code: OK, after_s: 4 }}
""")
        unsafe, safe = (client.workflows.start("tests", name).id for name in ("unsafe", "safe"))
        wait_until(lambda: len(grpc_service.calls()) == 2)
        os.killpg(worker.pid, signal.SIGKILL)
        own_system.start_worker()
        faulted, completed = (client.wait(each, timeout=60) for each in (unsafe, safe))
    assert faulted.status == "FAILED"
    assert faulted.error is not None
    assert "not known whether" in faulted.error["detail"]
    assert completed.status == "COMPLETED", completed.error
    assert completed.tasks[0].attempts == 2
    assert sorted(grpc_service.calls()) == ["Fail", "FailSafely", "FailSafely"]


@pytest.mark.timeout(120)
def test_a_run_does_not_notice_that_the_api_was_restarted(
    own_system: System, ledger: Ledger
) -> None:
    own_system.start_worker()
    api = own_system.start_api()
    with own_system.new_tenant() as client:
        instance = start(client, ledger)
        wait_until(lambda: len(ledger.lines()) >= 3)
        api.stop()
        done_without = len(ledger.lines())
        wait_until(lambda: len(ledger.lines()) > done_without + 2)
        own_system.start_api()
        ended = client.wait(instance, timeout=RUN_S)
    assert ended.status == "COMPLETED", ended.error
    assert ledger.lines() == list(range(1, STEPS + 1))
    assert [task.name for task in ended.tasks if task.kind == "call mcp.tool"] == [
        f"step{number}" for number in range(1, STEPS + 1)
    ]


def subscribe(client: Millwright, ledger: Ledger, document: str, amount: int) -> str:
    """Start a run that records one line for each message, with a pause before it."""
    client.mcp.register_server("ledger", url=ledger.url)
    client.workflows.publish(f"""
document: {{ dsl: '1.0.3', namespace: tests, name: subscriber, version: '1.0.0' }}
do:
  - take:
      call: asyncapi
      with:
        document: {{ endpoint: '{document}' }}
        channel: steps
        authentication:
          basic: {{ username: '${{ .user }}', password: '${{ .password }}' }}
        subscription:
          consume: {{ amount: {amount} }}
          foreach:
            item: message
            do:
              - pause: {{ wait: {{ seconds: {QUIET_S} }} }}
              - record:
                  call: mcp.tool
                  with:
                    server: ledger
                    tool: record
                    arguments: {{ step: '${{ $message.payload }}' }}
""")
    login = {"user": USER, "password": PASSWORD}
    return client.workflows.start("tests", "subscriber", input=login).id


@pytest.mark.timeout(RUN_S + 120)
@pytest.mark.parametrize("protocol", ["mqtt", "mqtt5"])
def test_a_subscription_survives_killed_workers_without_losing_or_repeating_a_message(
    own_system: System,
    ledger: Ledger,
    mosquitto: Mosquitto,
    asyncapi_site: AsyncApiSite,
    protocol: str,
) -> None:
    where = {"url": f"127.0.0.1:{mosquitto.port}", "protocol": protocol}
    document = asyncapi_site.give(
        {
            "asyncapi": "2.6.0",
            "servers": {"broker": where},
            "channels": {"steps": {"subscribe": {}}},
        }
    )
    worker = own_system.start_worker()
    own_system.start_api()
    with own_system.new_tenant() as client:
        instance = subscribe(client, ledger, document, 24)
        wait_until(lambda: "Sending SUBACK" in mosquitto.log())
        for first in (1, 9, 17):
            # While it polls: some have been handed over, or were on their way. No tool runs yet.
            mosquitto.publish("steps", *(str(step) for step in range(first, first + 8)))
            os.killpg(worker.pid, signal.SIGKILL)
            worker = own_system.start_worker()
            # In the middle of a batch, in the pause between two steps.
            wait_until(lambda first=first: len(ledger.lines()) >= first + 2)  # type: ignore[misc]
            sleep(QUIET_S / 2)
            os.killpg(worker.pid, signal.SIGKILL)
            worker = own_system.start_worker()
            if first < 17:
                wait_until(lambda first=first: len(ledger.lines()) >= first + 7)  # type: ignore[misc]
                wait_until(lambda: _is_polling(mosquitto))
        ended = client.wait(instance, timeout=RUN_S)
    assert ended.status == "COMPLETED", ended.error
    assert ledger.lines() == list(range(1, 25))


def _is_polling(mosquitto: Mosquitto) -> bool:
    """Tell whether the last that a subscriber did was to connect."""
    log = mosquitto.log()
    return log.rfind(" as mw") > log.rfind("Client mw")
