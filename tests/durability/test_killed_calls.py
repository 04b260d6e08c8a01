"""Workers are killed at random moments while they call a tool that must not run twice.

The tool never runs twice, and each run ends with its answer, or says that nobody knows.
"""

import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic, sleep

import pytest

from bench.report import Figure, save, show
from deploy.local.processes import Child
from millwright_client import Instance
from tests.durability.test_killed_processes import Ledger, ledger, own_system, wait_until
from tests.fixtures.system import System

__all__ = ["ledger", "own_system"]

# `make prove-calls` kills 200 workers, and keeps the figures.
KILLS = int(os.environ.get("MILLWRIGHT_TEST_KILLED_CALLS", "8"))
WORKERS = 3
# At each kill so many calls begin, which take up to so long: some are under way, some are not.
RUNS = 8
SLOWEST_S = 0.6
READY_S = 120
END_S = 120
PATIENCE_S = 300 + KILLS * 15


def definition(name: str, more: str = "") -> str:
    return f"""
document: {{ dsl: '1.0.3', namespace: tests, name: {name}, version: '1.0.0' }}
do:
  - record:
      call: mcp.tool
      with:
        server: ledger
        tool: record_slowly
        arguments: {{ step: '${{ .step }}', seconds: '${{ .seconds }}' }}
{more}
"""


# A local one has no heartbeat by which the next attempt would know.
LOCAL = "      metadata: { millwright: { local: true, idempotencyKey: 'step-${ .step }' } }"


@dataclass
class Crew:
    """Workers, of which one is killed at a time; there are always some that work."""

    system: System
    working: list[Child] = field(default_factory=list)

    def fill(self) -> None:
        while len(self.working) < WORKERS:
            self.working.append(self.system.start_worker())

    def wait_ready(self, count: int) -> None:
        wait_until(lambda: sum(_is_ready(each) for each in self.working) >= count, READY_S)

    def kill_one(self, chance: random.Random) -> None:
        ready = [each for each in self.working if _is_ready(each)]
        victim = chance.choice(ready)
        os.killpg(victim.pid, signal.SIGKILL)
        self.working.remove(victim)


def _is_ready(worker: Child) -> bool:
    return "worker_ready" in worker.program.log.read_text(encoding="utf-8", errors="replace")


@pytest.mark.timeout(PATIENCE_S)
def test_a_call_is_never_sent_twice_whenever_its_worker_dies(
    own_system: System, ledger: Ledger
) -> None:
    chance, begun, started = random.Random(), monotonic(), list[str]()  # noqa: S311 - moments
    crew = Crew(own_system)
    own_system.start_api()
    with own_system.new_tenant() as client:
        client.mcp.register_server("ledger", url=ledger.url)
        for name, more in {"once": "", "local": LOCAL}.items():
            client.workflows.publish(definition(name, more))
        for _ in range(KILLS):
            crew.fill()
            crew.wait_ready(2)
            for name in ("once", "local") * (RUNS // 2):
                given = {"step": len(started), "seconds": chance.uniform(0, SLOWEST_S)}
                started.append(client.workflows.start("tests", name, input=given).id)
            sleep(chance.uniform(0, SLOWEST_S))
            crew.kill_one(chance)
        crew.fill()
        ended = [client.wait(each, timeout=END_S) for each in started]
    ran = Counter(ledger.lines())
    outcomes = Counter(_outcome(each, ran[step]) for step, each in enumerate(ended))
    assert set(outcomes) <= {"answered", "unknown, had run", "unknown, had not run"}
    assert max(ran.values()) == 1
    # Else the moments were such that no call was under way.
    assert outcomes["unknown, had run"] >= KILLS // 4
    if KILLS >= 200:
        _keep(outcomes, ran, monotonic() - begun)


def _outcome(ended: Instance, runs: int) -> str:
    if ended.status == "COMPLETED":
        return "answered" if runs == 1 else f"answered, ran {runs} times"
    unknown = ended.error is not None and "not known whether" in ended.error["detail"]
    if not unknown:
        return f"{ended.status}: {ended.error}"
    return "unknown, had run" if runs else "unknown, had not run"


def _keep(outcomes: Counter[str], ran: Counter[int], seconds: float) -> None:
    twice = sum(count > 1 for count in ran.values())
    figures = [
        Figure("workers killed", KILLS, "", ">=", 200),
        Figure("executed more than once", twice, "calls", "<=", 0),
        *(Figure(name, count, "calls") for name, count in sorted(outcomes.items())),
        Figure("time", seconds, "s"),
    ]
    show("Killed calls", figures)
    how: dict[str, object] = {"runs_at_a_kill": RUNS, "slowest_s": SLOWEST_S}
    save("killed-calls", figures, how)
