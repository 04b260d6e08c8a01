"""Many instances wait for people and events; everything is killed; all of them end when answered.

Fifty here; `make prove-load` takes a thousand, and keeps the figures in bench/results/load.json.
"""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from bench.processes import rss_bytes
from bench.report import Figure, save, show
from deploy.local.ports import free_port
from deploy.local.postgres import PostgresOptions
from deploy.local.processes import Child
from deploy.local.temporal_server import TemporalOptions, temporal_program, temporal_ready
from foundation.settings import WorkerSettings
from millwright_client import Millwright, MillwrightError
from tests.durability.listings import all_of
from tests.fixtures.databases import fresh_database
from tests.fixtures.system import System, system_settings

Result = TypeVar("Result")

MANY = 1_000
COUNT = int(os.environ.get("MILLWRIGHT_TEST_LOAD", "50"))
# Fewer than there are instances: the others are read again from their histories.
CACHED = COUNT // 4
HANDS = 4
MIB = 1024 * 1024
DEFINITION = Path(__file__).with_name("waiting.yaml").read_text(encoding="utf-8")
# A busy machine starts five instances a second, and nobody waits for ever.
PATIENCE_S = 300 + COUNT


@dataclass
class Memory:
    """What the workers take, looked at twice a second."""

    worker: Child | None = None
    seen: list[int] = field(default_factory=list)
    _over: Event = field(default_factory=Event)

    def now(self) -> float:
        """Return the MiB that the worker takes."""
        assert self.worker is not None
        return rss_bytes(self.worker.pid) / MIB

    @property
    def most(self) -> float:
        return max(self.seen) / MIB

    @contextmanager
    def watched(self) -> Iterator[None]:
        thread = Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            if self.worker is not None and (now := rss_bytes(self.worker.pid)):
                self.seen.append(now)


@dataclass
class Plant:
    """An installation of which every process may be killed, but for its database."""

    system: System
    options: TemporalOptions
    memory: Memory = field(default_factory=Memory)
    temporal: Child | None = None
    children: list[Child] = field(default_factory=list)

    def start(self) -> None:
        self.temporal = Child(temporal_program(self.options))
        temporal_ready(self.temporal, self.options.address)
        self.memory.worker = self.system.start_worker()
        self.children = [self.temporal, self.memory.worker, self.system.start_api()]

    def kill(self) -> None:
        self.memory.worker = None
        for each in self.children:
            os.killpg(each.pid, signal.SIGKILL)
        for each in self.children:
            assert each.wait(20)

    def stop(self) -> None:
        self.system.stop()
        if self.temporal is not None:
            self.temporal.stop()


@pytest.fixture
def plant(
    postgres: PostgresOptions, template_database: str, master_key: SecretStr, tmp_path: Path
) -> Iterator[Plant]:
    options = TemporalOptions(free_port(), tmp_path / "temporal.log", file=tmp_path / "temporal.db")
    for url in fresh_database(postgres, template_database):
        settings = system_settings(url, options.address, master_key, {}, tmp_path).model_copy(
            update={"worker": WorkerSettings(max_cached_runs=CACHED)}
        )
        plant = Plant(System(settings, tmp_path), options)
        try:
            plant.start()
            yield plant
        finally:
            plant.stop()


def insist(what: Callable[[], Result]) -> Result:
    """Do what can be done twice as often as it takes: who is busy says to try again."""
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            return what()
        except MillwrightError:
            if monotonic() > deadline:
                raise


def until_all(client: Millwright, status: str) -> None:
    """Wait until all instances are in that state."""
    deadline = monotonic() + PATIENCE_S
    while (count := len(insist(lambda: all_of(client.instances.list, status=status)))) < COUNT:
        assert monotonic() < deadline, f"{count} of {COUNT} are {status}"
        Event().wait(2)


def start_all(client: Millwright, pool: ThreadPoolExecutor) -> list[str]:
    client.workflows.publish(DEFINITION)

    def begin(lot: int) -> str:
        start, key = client.workflows.start, f"lot-{lot}"
        return insist(lambda: start("tests", "waiting", input={"lot": lot}, idempotency_key=key).id)

    ids = list(pool.map(begin, range(COUNT)))
    until_all(client, "WAITING")
    return ids


def answer_all(client: Millwright, pool: ThreadPoolExecutor) -> None:
    """Say yes to everything, and let everybody have paid."""
    approvals = all_of(client.approvals.list)
    assert len(approvals) == COUNT
    decisions = pool.map(
        lambda each: insist(lambda: client.approvals.approve(each)).status, approvals
    )
    for first in range(0, COUNT, 50):
        paid = [_paid(lot) for lot in range(first, min(first + 50, COUNT))]
        insist(lambda paid=paid: client.cloud_events.publish(*paid))  # type: ignore[misc]
    assert set(decisions) == {"APPROVED"}


def _paid(lot: int) -> dict[str, Any]:
    return {
        "id": f"paid-{lot}",
        "source": "https://erp.example",
        "type": "order.paid",
        "data": {"lot": lot, "order": f"A-{lot}"},
    }


@pytest.mark.timeout(4 * PATIENCE_S)
def test_instances_that_wait_survive_the_death_of_worker_api_and_temporal(plant: Plant) -> None:
    memory, times = plant.memory, [monotonic()]
    with plant.system.new_tenant() as client, ThreadPoolExecutor(HANDS) as pool, memory.watched():
        idle = memory.now()
        ids = start_all(client, pool)
        waiting = memory.now()
        times.append(monotonic())
        plant.kill()
        plant.start()
        times.append(monotonic())
        answer_all(client, pool)
        times.append(monotonic())
        until_all(client, "COMPLETED")
        times.append(monotonic())
        outputs = list(
            pool.map(lambda each: insist(lambda: client.instances.get(each)).output, ids)
        )
    assert outputs == [{"lot": lot, "approved": True, "order": f"A-{lot}"} for lot in range(COUNT)]
    if COUNT >= MANY:
        _keep(times, idle, waiting, memory)


def _keep(times: list[float], idle: float, waiting: float, memory: Memory) -> None:
    steps = ("until all wait", "until all is up again", "all answers", "until all have ended")
    figures = [
        *(
            Figure(name, end - begin, "s")
            for name, begin, end in zip(steps, times, times[1:], strict=False)
        ),
        Figure("worker, idle", idle, "MiB"),
        Figure("worker, all wait", waiting, "MiB"),
        Figure("worker, at most", memory.most, "MiB", "<=", 512),
    ]
    show("Load", figures)
    save("load", figures, {"instances": COUNT, "max_cached_runs": CACHED})
