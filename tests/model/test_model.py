"""Whatever is nested in whatever: the interpreter does what a small model without Temporal does.

Hypothesis makes a definition, starts it for real, and then sends events, decides approvals, lets
time pass, pauses, and replaces workers. After each step REST has to tell what the model says: what
the instance waits for, which tasks have been executed in which order, and how it ended.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from time import monotonic
from typing import Any, ClassVar, Final, TypeAlias

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
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
from tests.model.reference import Decision, Events, Instance, Race, branch_of
from tests.model.world import Real, World, world_at

# The same ones each time, as long as nobody asks for more.
FEW: Final = 12
EXAMPLES: Final = int(os.environ.get("MILLWRIGHT_TEST_MODEL_EXAMPLES", FEW))
STEPS: Final = 8
# So often a worker is replaced, or the instance paused: more of it teaches nothing.
MOST: Final = 2
PATIENCE_S: Final = 30.0
# Where it is known that something differs.
SHORT_PATIENCE_S: Final = 10.0
# To come to an end when nothing is left to chance.
LAST_STEPS: Final = 25


Worlds: TypeAlias = tuple[BlockingPortal, Mapping[str, World]]


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

    portal: ClassVar[BlockingPortal]
    worlds: ClassVar[Mapping[str, World]]
    patience_s: ClassVar[float] = PATIENCE_S
    differed: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.model: Instance
        self.real: Real | None = None
        # Speed has decided: any outcome would be right.
        self.open = False
        self.workers = self.pauses = 0

    @initialize(document=definitions(), where=st.sampled_from(["calm", "forgetful", "restless"]))
    def start(self, document: dict[str, Any], where: str) -> None:
        # One difference is enough.
        assume(not self.differed)
        try:
            self.model = Instance(document, {})
        except Race:
            assume(condition=False)
        assume(self.model.outcome is None)
        self.types = sorted(_types(document))
        self.real = self.portal.call(self.worlds[where].start, document)

    @property
    def goes_on(self) -> bool:
        return not self.open and self.model.outcome is None

    @precondition(lambda self: self.goes_on and self.types)
    @rule(data=st.data(), number=st.integers(0, 6))
    def send(self, data: st.DataObject, number: int) -> None:
        wanted = [type_ for each in self.of(Events) for type_ in each.types]
        type_ = data.draw(st.sampled_from([*wanted, *self.types]))
        self.does("send", type_, number)

    @precondition(lambda self: self.goes_on and self.of(Decision))
    @rule(data=st.data(), approves=st.booleans())
    def decide(self, data: st.DataObject, *, approves: bool) -> None:
        self.decides(data.draw(st.sampled_from(self.of(Decision))), approves=approves)

    @precondition(lambda self: self.goes_on and self.model.clear())
    @rule()
    def let_time_pass(self) -> None:
        try:
            hours = self.model.advance()
        except Race:
            self.open = True
            return
        self.portal.call(self.the_real.skip, hours)

    @precondition(lambda self: self.goes_on and not self.model.paused and self.pauses < MOST)
    @rule()
    def pause(self) -> None:
        self.pauses += 1
        self.model.pause()
        self.portal.call(self.the_real.told, "pause")

    @precondition(lambda self: self.goes_on and self.model.paused)
    @rule()
    def resume(self) -> None:
        try:
            self.model.resume()
        except Race:
            self.open = True
            return
        self.portal.call(self.the_real.told, "resume")

    @precondition(lambda self: self.goes_on and self.workers < MOST)
    @rule()
    def replace_the_worker(self) -> None:
        self.workers += 1
        self.portal.call(self.the_real.world.replace_worker)

    @precondition(lambda self: not self.goes_on)
    @rule()
    def look_again(self) -> None:
        """Nothing happens any more."""

    @invariant()
    def agrees(self) -> None:
        if self.real is None or self.open:
            return
        # More than enough on a busy machine; what differs for so long stays different.
        until = monotonic() + self.patience_s
        while (seen := self.seen()) != (wanted := self.wanted()):
            if seen is None:
                until = monotonic() + self.patience_s
            elif monotonic() > until:
                self.open = type(self).differed = True
                assert seen == wanted
            self.portal.call(anyio.sleep, 0.05)

    @override
    def teardown(self) -> None:
        if self.real is None:
            return
        try:
            if not self.open:
                self.comes_to_an_end()
        finally:
            self.portal.call(self.real.forget)

    # What happens.

    @property
    def the_real(self) -> Real:
        assert self.real is not None
        return self.real

    def of(self, kind: type) -> list[Any]:
        return sorted(
            (each for each in self.model.waiting() if isinstance(each, kind)),
            key=lambda each: each.path,
        )

    def does(self, what: str, *given: Any) -> None:
        try:
            getattr(self.model, what)(*given)
        except Race:
            self.open = True
            return
        self.portal.call(getattr(self.the_real, what), *given)

    def decides(self, decision: Decision, *, approves: bool) -> None:
        person = f"person{len(decision.votes)}"
        try:
            self.model.decide(decision, approves=approves)
        except Race:
            self.open = True
            return

        async def decide() -> None:
            await self.the_real.decide(decision.path, person, approves=approves)

        self.portal.call(decide)

    def comes_to_an_end(self) -> None:
        for _ in range(LAST_STEPS):
            if not self.goes_on or not self.one_more():
                break
            self.agrees()
        if self.open:
            return
        if self.model.outcome is None:
            self.model.cancel()
            self.portal.call(self.the_real.told, "cancel")
            self.agrees()
        event(f"ended as {self.model.outcome.status}" if self.model.outcome else "")
        told: dict[str, list[tuple[str, str]]] = {}
        for each in self.portal.call(self.the_real.events):
            told.setdefault(branch_of(each.execution), []).append(
                (each.execution, each.state.value)
            )
        assert told == self.model.notes
        runs = self.portal.call(self.the_real.replayed)
        event(f"{runs} runs" if runs < 4 else "many runs")

    def one_more(self) -> bool:
        """Do what brings it nearer to its end."""
        if self.model.paused:
            self.resume()
        elif decisions := self.of(Decision):
            self.decides(decisions[0], approves=True)
        elif waited := self.of(Events):
            for type_ in waited[0].types:
                if self.goes_on:
                    self.does("send", type_, 9)
        elif self.model.clear():
            self.let_time_pass()
        else:
            return False
        return True

    # What is compared.

    def wanted(self) -> Any:
        model = self.model
        outcome = model.outcome
        error = outcome.error if outcome else None
        return {
            "status": model.status,
            "waits": None
            if model.status == "PAUSED"
            else sorted((_KINDS[type(each).__name__], each.path) for each in model.waiting()),
            "tasks": {branch: _folded(notes) for branch, notes in model.notes.items()},
            "output": outcome.output if outcome else None,
            "error": _error(error),
        }

    def seen(self) -> Any:
        """Return what REST tells; None when the worker was too busy to be asked."""
        instance = self.portal.call(self.the_real.look)
        if instance["timeline_source"] != "interpreter":
            return None
        tasks: dict[str, list[tuple[str, str]]] = {}
        for each in instance["tasks"]:
            tasks.setdefault(branch_of(each["execution"]), []).append(
                (each["execution"], each["state"])
            )
        return {
            "status": instance["status"],
            "waits": None
            if instance["status"] == "PAUSED"
            else sorted((each["kind"], each["execution"]) for each in instance["waiting_for"]),
            "tasks": tasks,
            "output": instance["output"],
            "error": _error(instance["error"]),
        }


_KINDS: Final = {"Timer": "timer", "Events": "event", "Decision": "approval"}


def _folded(notes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return executions in the order in which they began, with their last state."""
    return list(dict(notes).items())


def _error(error: Mapping[str, Any] | None) -> Any:
    if error is None:
        return None
    return {key: error.get(key) for key in ("type", "status", "instance")}


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


def explored(worlds: Worlds, examples: int, *, patience_s: float = PATIENCE_S) -> None:
    """Try so many definitions, each in its way."""
    Machine.portal, Machine.worlds = worlds
    Machine.patience_s, Machine.differed = patience_s, False
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=EXAMPLES == FEW,
            # To make an example smaller takes a hundred others.
            phases=[Phase.generate],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.mark.timeout(3_600)
def test_the_interpreter_does_what_the_model_does(worlds: Worlds) -> None:
    explored(worlds, EXAMPLES)


@pytest.mark.skipif(EXAMPLES == FEW, reason="takes minutes; see 'make prove'")
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.what)
def test_a_bug_that_is_planted_is_found(
    worlds: Worlds, bug: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug.plant(monkeypatch)
    # How it is reported is not what this is about.
    with suppress(Exception):
        explored(worlds, 200, patience_s=SHORT_PATIENCE_S)
    assert Machine.differed
