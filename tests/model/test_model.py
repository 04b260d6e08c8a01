"""Whatever is nested in whatever: the interpreter does what a small model without Temporal does.

Hypothesis makes a definition, starts it for real, and then sends events, decides approvals, lets
time pass, pauses, and replaces workers. After each step REST has to tell what the model says: what
the instance waits for, which tasks have been executed in which order, and how it ended.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar, Final, TypeVar

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, Phase, assume, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from foundation.database import Database
from tests.fixtures.temporal import RESTLESS, SKIPPING, temporal_server
from tests.model.planting import BUGS, Bug
from tests.model.programs import definitions
from tests.model.reference import Instance
from tests.model.seeds import SEEDS, Seed
from tests.model.twins import Differed, Twins, Worlds
from tests.model.wants import Decision, Events, Race
from tests.model.world import World, world_at

# The same ones each time, unless somebody searches.
FEW: Final = 12
EXAMPLES: Final = int(os.environ.get("MILLWRIGHT_TEST_MODEL_EXAMPLES", FEW))
STEPS: Final = 8
# So often a worker is replaced, or the instance paused: more of it teaches nothing.
MOST: Final = 2
PATIENCE_S: Final = 30.0
# Where it is known that something differs.
SHORT_PATIENCE_S: Final = 5.0

SEARCH: Final = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    derandomize="MILLWRIGHT_TEST_MODEL_RANDOM" not in os.environ,
    # To make an example smaller takes a hundred others.
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

T = TypeVar("T")


@pytest.fixture(scope="module")
def worlds(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Servers and workers that differ in what a run has to survive."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())

        def world(address: str, cached: int) -> World:
            made = world_at(address, shared_database, cached=cached)
            return stack.enter_context(portal.wrap_async_context_manager(made))

        folder = tmp_path_factory.mktemp
        calm = stack.enter_context(temporal_server(folder("calm"), SKIPPING))
        both = {**SKIPPING, **RESTLESS}
        restless = stack.enter_context(temporal_server(folder("restless"), both))
        yield (
            portal,
            {
                "calm": world(calm, 1000),
                "forgetful": world(calm, 0),
                "restless": world(restless, 1000),
            },
        )


class Machine(RuleBasedStateMachine):
    """One instance, and its twin in the model."""

    worlds: ClassVar[Worlds]
    # One is enough; to show it again takes too long.
    difference: ClassVar[Differed | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.twins: Twins | None = None
        self.workers = self.pauses = 0

    @initialize(document=definitions(), where=st.sampled_from(["calm", "forgetful", "restless"]))
    def start(self, document: dict[str, Any], where: str) -> None:
        assume(self.difference is None)
        assume(_takes_time(document))
        self.types = sorted(_types(document))
        self.twins = Twins(self.worlds, document, where, PATIENCE_S)

    @property
    def both(self) -> Twins:
        assert self.twins is not None
        return self.twins

    @precondition(lambda self: self.both.goes_on and self.types)
    @rule(data=st.data(), number=st.integers(0, 6))
    def send(self, data: st.DataObject, number: int) -> None:
        wanted = [type_ for each in self.both.of(Events) for type_ in each.types]
        type_ = data.draw(st.sampled_from([*wanted, *self.types]))
        self._noticing(lambda both: both.send(type_, number))

    @precondition(lambda self: self.both.goes_on and self.both.of(Decision))
    @rule(data=st.data(), approves=st.booleans())
    def decide(self, data: st.DataObject, *, approves: bool) -> None:
        decision = data.draw(st.sampled_from(self.both.of(Decision)))
        self._noticing(lambda both: both.decide(decision, approves=approves))

    @precondition(lambda self: self.both.goes_on and self.both.model.clear())
    @rule()
    def let_time_pass(self) -> None:
        self._noticing(Twins.let_time_pass)

    @precondition(
        lambda self: self.both.goes_on and not self.both.model.paused and self.pauses < MOST
    )
    @rule()
    def pause(self) -> None:
        self.pauses += 1
        self._noticing(Twins.pause)

    @precondition(lambda self: self.both.goes_on and self.both.model.paused)
    @rule()
    def resume(self) -> None:
        self._noticing(Twins.resume)

    @precondition(lambda self: self.both.goes_on and self.workers < MOST)
    @rule()
    def replace_the_worker(self) -> None:
        self.workers += 1
        self.both.replace_the_worker()

    @precondition(lambda self: not self.both.goes_on)
    @rule()
    def look_again(self) -> None:
        """Nothing happens any more."""

    @invariant()
    def agrees(self) -> None:
        if self.twins is not None:
            self._noticing(Twins.agree)

    @override
    def teardown(self) -> None:
        if self.twins is None:
            return
        try:
            runs = 0 if self.twins.open else self._noticing(Twins.come_to_an_end)
            outcome = self.twins.model.outcome
            event(f"ended as {outcome.status}" if outcome else "open")
            event(f"{runs} runs" if runs < 4 else "many runs")
        finally:
            self.twins.forget()

    def _noticing(self, doing: Callable[[Twins], T]) -> T:
        try:
            return doing(self.both)
        except Differed as difference:
            type(self).difference = difference
            raise


def _takes_time(document: Mapping[str, Any]) -> bool:
    """Tell whether something can happen to it."""
    try:
        return Instance(document, {}).outcome is None
    except Race:
        return False


def _types(value: Any) -> set[str]:
    """Find the types of events in a definition."""
    match value:
        case {"with": {"type": str(type_)}}:
            return {type_}
        case dict():
            return set().union(*map(_types, value.values()))
        case list():
            return set().union(*map(_types, value))
        case _:
            return set()


@pytest.mark.timeout(3_600)
def test_the_interpreter_does_what_the_model_does(worlds: Worlds) -> None:
    Machine.worlds, Machine.difference = worlds, None
    try:
        run_state_machine_as_test(Machine, settings=SEARCH)
    finally:
        if Machine.difference is not None:
            # Instead of how Hypothesis sees that it is not shown again.
            raise Machine.difference


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SEEDS)
def test_it_does_so_with_a_program_in_which_a_bug_would_show(worlds: Worlds, name: str) -> None:
    seed = SEEDS[name]
    runs = played(worlds, seed, PATIENCE_S)
    assert runs > 1 or seed.where != "restless"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what)
def test_a_bug_can_still_be_planted(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)


@pytest.mark.skipif(EXAMPLES == FEW, reason="waits for what never comes; see 'make prove'")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what)
def test_a_bug_that_is_planted_is_found(
    worlds: Worlds, bug: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug.plant(monkeypatch)
    with pytest.raises(Differed):
        played(worlds, SEEDS[bug.seed], SHORT_PATIENCE_S)


def played(worlds: Worlds, seed: Seed, patience_s: float) -> int:
    """Play a seed to its end; return how many runs it took."""
    twins = Twins(worlds, seed.document, seed.where, patience_s)
    try:
        return seed.play(twins)
    finally:
        twins.forget()
