"""One instance and its twin in the model: what happens to one happens to both, and they agree."""

import json
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, Final, TypeAlias

import anyio
from anyio.from_thread import BlockingPortal

from tests.model.memory import branch_of
from tests.model.reference import Instance
from tests.model.wants import Decision, Events, Race
from tests.model.world import Real, RefusedError, World

Worlds: TypeAlias = tuple[BlockingPortal, Mapping[str, World]]

# To come to an end when nothing is left to chance.
LAST_STEPS: Final = 25
# How long to wait before looking again: soon at first, then so that looking costs little.
SOON_S: Final = 0.05
LATER_S: Final = 0.4
# So many times longer a run may answer nothing: a busy worker, or one that cannot replay it.
SILENT: Final = 3

_KINDS: Final = {"Timer": "timer", "Events": "event", "Decision": "approval"}


class Differed(AssertionError):  # noqa: N818 - what is expected of a bug
    """The instance does something else than the model."""


class Twins:
    """An instance, and its twin.

    Attributes:
        open: Speed has decided: any outcome would be right.
    """

    def __init__(
        self, worlds: Worlds, document: Mapping[str, Any], where: str, patience_s: float
    ) -> None:
        self.portal, places = worlds
        self.patience_s = patience_s
        self.model = Instance(document, {})
        self.open = False
        self._story = [json.dumps(document), f"in the world '{where}'"]
        self.real: Real = self.portal.call(places[where].start, document)

    @property
    def goes_on(self) -> bool:
        return not self.open and self.model.outcome is None

    def of(self, kind: type) -> list[Any]:
        return sorted(
            (each for each in self.model.waiting() if isinstance(each, kind)),
            key=lambda each: each.path,
        )

    # What happens.

    def send(self, type_: str, number: int) -> None:
        try:
            self.model.send(type_, number)
        except Race:
            self.open = True
            return
        self._happens(self.real.send, type_, number)

    def decide(self, decision: Decision, *, approves: bool) -> None:
        person = f"person{len(decision.votes)}"
        try:
            self.model.decide(decision, approves=approves)
        except Race:
            self.open = True
            return

        self._happens(self.real.decide, decision.path, person, approves)

    def let_time_pass(self) -> None:
        try:
            hours = self.model.advance()
        except Race:
            self.open = True
            return
        self._happens(self.real.skip, hours)

    def pause(self) -> None:
        self.model.pause()
        self._happens(self.real.told, "pause")

    def resume(self) -> None:
        try:
            self.model.resume()
        except Race:
            self.open = True
            return
        self._happens(self.real.told, "resume")

    def replace_the_worker(self) -> None:
        self._happens(self.real.world.replace_worker)

    def come_to_an_end(self) -> int:
        """Do what brings it to its end; return how many runs that took, 0 when it is open."""
        for _ in range(LAST_STEPS):
            if not self.goes_on or not self._one_more():
                break
            self.agree()
        if self.open:
            return 0
        if self.model.outcome is None:
            self.model.cancel()
            self._happens(self.real.told, "cancel")
            self.agree()
        self._agree_on_all_that_happened()
        return self.portal.call(self.real.replayed)

    def _one_more(self) -> bool:
        """Do what brings it nearer to its end."""
        if self.model.paused:
            self.resume()
        elif decisions := self.of(Decision):
            self.decide(decisions[0], approves=True)
        elif waited := self.of(Events):
            for type_ in waited[0].types:
                if self.goes_on:
                    self.send(type_, 9)
        elif self.model.clear():
            self.let_time_pass()
        else:
            return False
        return True

    def _happens(self, what: Callable[..., Awaitable[None]], *given: Any) -> None:
        """Let it happen to the instance, after the model has agreed to it.

        Raises:
            Differed: When the instance does not.
        """
        self._story.append(f"{what.__name__} {given}")
        try:
            self.portal.call(what, *given)
        except RefusedError as error:
            self.open = True
            raise self._difference(str(error)) from None

    def forget(self) -> None:
        self.portal.call(self.real.forget)

    # What is compared.

    def agree(self) -> None:
        """Wait until REST tells what the model says.

        Raises:
            Differed: When it does not.
        """
        if self.open:
            return
        # More than enough on a busy machine; what differs for so long stays different.
        silent = monotonic() + SILENT * self.patience_s
        until, pause = monotonic() + self.patience_s, SOON_S
        while (seen := self._seen()) != (wanted := self._wanted()):
            if seen is None and monotonic() < silent:
                until = monotonic() + self.patience_s
            elif monotonic() > until:
                self._differ(seen, wanted)
            self.portal.call(anyio.sleep, pause)
            pause = min(pause * 1.5, LATER_S)

    def _agree_on_all_that_happened(self) -> None:
        told: dict[str, list[tuple[str, str]]] = {}
        for each in self.portal.call(self.real.events):
            told.setdefault(branch_of(each.execution), []).append(
                (each.execution, each.state.value)
            )
        if told != self.model.notes:
            self._differ(told, self.model.notes)

    def _differ(self, seen: Any, wanted: Any) -> None:
        self.open = True
        try:
            assert seen == wanted
        except AssertionError as error:
            raise self._difference(str(error)) from None

    def _difference(self, what: str) -> Differed:
        """Tell all that it takes to make a seed of it."""
        return Differed("\n".join([*self._story, what]))

    def _wanted(self) -> Any:
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

    def _seen(self) -> Any:
        """Return what REST tells; None when the worker was too busy to be asked."""
        instance = self.portal.call(self.real.look)
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


def _folded(notes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return executions in the order in which they began, with their last state."""
    return list(dict(notes).items())


def _error(error: Mapping[str, Any] | None) -> Any:
    if error is None:
        return None
    return {key: error.get(key) for key in ("type", "status", "instance")}
