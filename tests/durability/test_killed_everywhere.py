"""One workflow has every kind of task; its workers are killed at every boundary of its history.

Each time the run ends with the same output, and no step that was completed has run twice.
"""

import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
from pydantic import SecretStr

from bench.report import Figure, save, show
from deploy.local.ports import free_port
from deploy.local.postgres import PostgresOptions
from deploy.local.processes import Child
from deploy.local.temporal_server import TemporalOptions, temporal_program, temporal_ready
from millwright_client import Millwright
from tests.durability.every_kind import (
    OFTEN,
    ONCE,
    People,
    Witness,
    end_shift,
    output_of,
    publish,
    start,
    witness,
)
from tests.durability.gate import Gate, Passage, Stop
from tests.durability.listings import all_of
from tests.durability.past import Past, read_pasts
from tests.fixtures.databases import fresh_database
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.system import System, system_settings

AT_A_TIME = 25
# Temporal gives a worker up after ten seconds, and an activity after four such workers; no worker
# dies that slowly.
HELD_S = 30
REACH_S = 300
END_S = 600
# Both ways to be killed at a boundary, and the figures kept: `make prove-kills`.
ALL = os.environ.get("MILLWRIGHT_TEST_KILLS") == "all"
PATIENCE_S = 3600 if ALL else 1800


@pytest.fixture
def witnessed(tmp_path: Path) -> Iterator[Witness]:
    with witness(tmp_path) as made:
        yield made


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A Temporal that wants runs to go on as new ones now and then, behind a gate."""
    soon = {"limit.historyCount.suggestContinueAsNew": "80"}
    options = TemporalOptions(free_port(), tmp_path / "temporal.log", dynamic_config=soon)
    server = Child(temporal_program(options))
    try:
        temporal_ready(server, options.address)
        gate = Gate(options.address, key_of)
        yield gate
        gate.close()
    finally:
        server.stop()


def key_of(kind: str, workflow_id: str) -> str | None:
    return None if kind == "tests.collector" else workflow_id.rpartition("/")[2]


@dataclass
class Site:
    """An installation whose workers are behind a gate."""

    system: System
    workers: System
    gate: Gate
    witness: Witness
    running: list[Child] = field(default_factory=list)

    def start_workers(self) -> None:
        self.running = [self.workers.start_worker(), self.workers.start_programs()]

    def kill_workers(self) -> None:
        for each in self.running:
            os.killpg(each.pid, signal.SIGKILL)
            assert each.wait(10)


@pytest.fixture
def site(
    postgres: PostgresOptions,
    template_database: str,
    master_key: SecretStr,
    gate: Gate,
    witnessed: Witness,
    tmp_path: Path,
) -> Iterator[Site]:
    for url in fresh_database(postgres, template_database):
        settings = system_settings(url, gate.target, master_key, {}, tmp_path)
        system = System(settings, tmp_path)
        behind = settings.temporal.model_copy(update={"address": gate.address})
        workers = System(settings.model_copy(update={"temporal": behind}), tmp_path / "workers")
        try:
            system.start_api()
            yield Site(system, workers, gate, witnessed)
        finally:
            workers.stop()
            system.stop()


@dataclass(frozen=True)
class Killed:
    """A run whose workers were killed.

    Attributes:
        at: The last message that went through, or was to.
        past: What its history said then.
        done: How often each of its steps had been executed then.
        exact: It was held where it was to be; else it was on its way there.
    """

    at: str
    past: Past
    done: Counter[str]
    exact: bool


@dataclass
class Shift:
    """Runs that share their workers until these are killed, one lot after the other.

    Attributes:
        killed: What was known of runs when their workers were killed.
        ended: All runs that have come to their end.
        reached: Where runs were held.
        ended_before: Stops that their run had not; how many messages a run needs is for Temporal to
            say.
        given_up: How often a run was held for so long that Temporal gave its worker up.
    """

    site: Site
    client: Millwright
    people: People
    killed: dict[str, Killed] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    reached: list[Stop] = field(default_factory=list)
    ended_before: list[Stop] = field(default_factory=list)
    given_up: int = 0

    def undisturbed(self) -> Passage:
        """Let one run come to its end, to know what a run is."""
        passage = self.site.gate.stop_at("reference", None)
        start(self.client, passage.key)
        self._until(lambda: passage.ended, END_S)
        self.ended.append(passage.key)
        return passage

    def kill_at(self, stops: Sequence[Stop]) -> Iterator[str]:
        """Kill workers until a run was held at each stop; yield the runs as they end."""
        waiting = deque(stops)
        while waiting:
            lot = [waiting.popleft() for _ in range(min(AT_A_TIME, len(waiting)))]
            passages = [self.site.gate.stop_at(self._key(stop), stop) for stop in lot]
            waiting.extend(self._kill(passages))
            yield from (each.key for each in passages)

    def _kill(self, passages: Sequence[Passage]) -> list[Stop]:
        """Start runs, kill the workers when they are held, and let them come to their end.

        Returns:
            The stops that were not reached in time; their runs were killed on the way.
        """
        # Who has the longest way begins first: nobody is held for long.
        for each in reversed(passages):
            start(self.client, each.key)
        self._until(lambda: _is_time(passages), REACH_S)
        running = [each for each in passages if each.workflow_id and not each.gone]
        pasts = read_pasts(self.site.gate.target, [each.workflow_id for each in running])
        self.site.kill_workers()
        for each, past in zip(running, pasts, strict=True):
            self.killed[each.key] = Killed(
                each.said[-1], past, self.site.witness.done(each.key), exact=each.held
            )
            self.given_up += past.given_up
        late = [each.stop for each in passages if each.stop and not (each.held or each.gone)]
        self.reached += [each.stop for each in passages if each.stop and each.held]
        self.ended_before += [each.stop for each in passages if each.stop and each.gone]
        self.site.gate.open()
        self.site.start_workers()
        self._until(lambda: all(each.ended for each in passages), END_S)
        self.ended += [each.key for each in passages]
        return late

    def _key(self, stop: Stop) -> str:
        return f"{'told' if stop.told else 'untold'}{stop.number}n{len(self.ended)}"

    def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = monotonic() + seconds
        while not self.site.gate.until(condition, 0.3):
            assert monotonic() < deadline, self.site.gate.told()
            self.people.answer()


def _is_time(passages: Sequence[Passage]) -> bool:
    """Tell whether all are held, or one has been for too long."""
    longest = min((each.held_at for each in passages if each.held), default=monotonic())
    return monotonic() - longest > HELD_S or all(each.held or each.ended for each in passages)


def boundaries(reference: Passage) -> list[Stop]:
    """Return where a run stops so that its history stands at each of its boundaries once.

    What the worker would say next is done then, and not said: the worst that can happen. `ALL`
    adds those where it is said, and the worker does not hear the answer any more.
    """
    last = len(reference.said)
    stops = [Stop(number, told=False) for number in range(1, last + 1)]
    said = [
        Stop(number, told=True)
        for number, what in enumerate(reference.said, 1)
        if not what.startswith("Poll")
    ]
    return sorted([*stops, *said] if ALL else [*stops, Stop(last, told=True)], key=_place)


def _place(stop: Stop) -> tuple[int, bool]:
    return stop.number, stop.told


def collected(client: Millwright) -> list[tuple[str, str, list[str]]]:
    """Return what was emitted, as those who gathered it tell."""
    # Pages of a list that changes meanwhile may name one twice.
    found = {each.id for each in all_of(client.instances.list, namespace="tests", name="collector")}
    ends = [client.wait(each, timeout=60) for each in found]
    return sorted((each.input["key"], each.status, each.output) for each in ends)


def wrongs(shift: Shift, key: str) -> Iterator[str]:
    """Say what is wrong with how a run went."""
    run = shift.client.instances.get(f"tests.every-kind.{key}")
    if (run.status, run.output) != ("COMPLETED", output_of(key)):
        yield f"{key} {run.status} {run.output} {run.error}"
    done = shift.site.witness.done(key)
    killed = shift.killed.get(key)
    if set(done) != {*ONCE, *OFTEN}:
        yield f"{key} other steps: {set(done) ^ {*ONCE, *OFTEN}}"
    for step in ONCE:
        if done[step] != 1:
            yield f"{key} {step} ran {done[step]} times"
    for step in OFTEN:
        usual = 2 if step == "flaky" else 1
        if killed and step in killed.past.completed:
            if done[step] != killed.done[step]:
                yield f"{key} {step} was completed, and ran again"
        elif done[step] > usual + (killed is not None):
            yield f"{key} {step} ran {done[step]} times"


@pytest.mark.timeout(PATIENCE_S)
def test_killed_at_every_boundary_a_run_ends_the_same_and_repeats_nothing_that_was_done(
    site: Site, mosquitto: Mosquitto
) -> None:
    began = monotonic()
    site.start_workers()
    with site.system.new_tenant() as client, ThreadPoolExecutor(32) as pool:
        publish(client, site.witness, mosquitto)
        shift = Shift(site, client, People(client, mosquitto, site.witness, site.gate.held, pool))
        stops = boundaries(shift.undisturbed())
        for key in shift.kill_at(stops):
            assert not list(wrongs(shift, key)), key
        end_shift(client, shift.ended)
        gathered = collected(client)
    assert gathered == sorted((key, "COMPLETED", ["emitted"]) for key in shift.ended)
    # How many messages a run needs is for Temporal to say; most have as many as the first one.
    assert len(shift.reached) >= 0.9 * len(stops), shift.ended_before
    if ALL:
        _keep(shift, monotonic() - began)


def _keep(shift: Shift, seconds: float) -> None:
    killed = shift.killed.values()
    repeated = sum(
        shift.site.witness.done(key)[step] > killed.done[step] > 0
        for key, killed in shift.killed.items()
        for step in {*ONCE, *OFTEN} - killed.past.completed - {"flaky"}
    )
    figures = [
        Figure("runs", len(shift.ended), ""),
        Figure("runs held at their stop when the workers were killed", len(shift.reached), ""),
        Figure("runs on their way to it", len(killed) - len(shift.reached), ""),
        Figure(
            "different lengths of history when killed",
            len({each.past.events for each in killed}),
            "",
        ),
        Figure(
            "events of the longest history when killed",
            max(each.past.events for each in killed),
            "",
        ),
        Figure("steps in flight that were repeated, as they may be", repeated, ""),
        Figure("completed steps that were repeated", 0, "", "<=", 0),
        Figure("runs that were held until Temporal gave the worker up", shift.given_up, ""),
        Figure("time", seconds, "s"),
    ]
    show("Kills", figures)
    at = Counter(each.at.partition(" ")[0] for each in killed)
    save("kills", figures, {"at_a_time": AT_A_TIME, "killed_at": dict(at)})
