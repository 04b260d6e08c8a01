"""A reference model of the language: what an instance does, from the text of the DSL alone.

No Temporal, no time but a number of hours, no code of ours. Whatever happens to an instance (an
event, a decision, time, a pause) goes on with those branches that it concerns until nothing moves
any more. What tasks do is in `language`.

What it knows: do, for, fork, listen, raise, set, switch, try, wait, approvals; `if`, `then`,
`timeout`, `output.as`, `export.as`. Where branches that move at the same moment decide by their
speed how a fork ends, any outcome would be right: the model gives up (`Race`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tests.model.language import Language
from tests.model.memory import Memory
from tests.model.wants import (
    Begin,
    Branch,
    Branches,
    Cancelled,
    Decision,
    End,
    Events,
    Fault,
    Json,
    Outcome,
    Race,
    Timer,
    TooLate,
    Want,
    below,
)

# Moments closer to each other than this (hours) may come in any order.
TOGETHER = 0.5
ENOUGH_STEPS = 400


class Instance:
    """One instance of a definition.

    Attributes:
        memory: What its branches share.
        outcome: How it ended.
        paused: Somebody wants it to begin no task.
    """

    def __init__(self, document: Mapping[str, Any], value: Json) -> None:
        self.memory = Memory(value)
        self.paused = False
        self.outcome: Outcome | None = None
        self._moment = 1
        self._ends = 0
        self._steps = 0
        self._root = Branch(None)
        self._root.steps = Language(document, self.memory).whole(value, self._root)
        self._go(self._root)

    @property
    def notes(self) -> Mapping[str, list[tuple[str, str]]]:
        """What happened to executions, by the branch in which they are: path and state."""
        return self.memory.notes

    # What can be seen.

    def waiting(self) -> list[Timer | Events | Decision]:
        """Return what branches wait for, as far as people are told."""
        return [
            want
            for branch in self._leaves()
            if isinstance(want := branch.want, (Events, Decision))
            or (isinstance(want, Timer) and want.seen)
        ]

    @property
    def status(self) -> str:
        """What it is doing, in the words of the REST interface."""
        if self.outcome is not None:
            return self.outcome.status
        if self.paused:
            return "PAUSED"
        return "WAITING" if len(self.waiting()) == len(list(self._leaves())) else "RUNNING"

    def due(self) -> list[float]:
        """Return when something happens by itself, the next moment first."""
        moments: list[float] = []
        for branch in self._all():
            moments += [due for due, _ in branch.deadlines]
            if isinstance(branch.want, (Timer, Decision)) and branch.want.due is not None:
                moments.append(branch.want.due)
        return sorted(moments)

    def clear(self) -> bool:
        """Tell whether it is clear what happens next by itself."""
        due = self.due()
        return bool(due) and (len(due) == 1 or due[1] - due[0] > TOGETHER)

    # What happens to it.

    def send(self, type_: str, data: Json) -> None:
        """Send an event."""
        self._moment += 1
        self.memory.inbox.events.append((type_, data))
        self._wake()

    def decide(self, decision: Decision, *, approves: bool) -> None:
        """Say something to an approval."""
        self._moment += 1
        decision.votes.append(approves)
        if not approves or sum(decision.votes) >= decision.quorum:
            branch = next(each for each in self._leaves() if each.want is decision)
            self._go(branch, approves)

    def advance(self) -> float:
        """Let time pass until something happens; return how long that is."""
        self._moment += 1
        before, self.memory.clock = self.memory.clock, self.due()[0]
        for branch in self._all():
            for due, task in branch.deadlines:
                if due == self.memory.clock:
                    self._throw(branch, TooLate(task))
                    return self.memory.clock - before
            if isinstance(branch.want, (Timer, Decision)) and branch.want.due == self.memory.clock:
                self._go(branch)
                return self.memory.clock - before
        raise AssertionError("nothing was due")

    def pause(self) -> None:
        """Begin no further task."""
        self.paused = True

    def resume(self) -> None:
        """Go on."""
        self._moment += 1
        self.paused = False
        # All of them at once, and who is the first nobody knows.
        held = [each for each in self._leaves() if self._is_held(each.want)]
        for branch in held:
            branch.moved = self._moment
        for branch in held:
            if not branch.ended:
                self._go(branch)

    def cancel(self) -> None:
        """Stop."""
        self._moment += 1
        self._cancel(self._root)
        self.outcome = Outcome("CANCELLED")

    # Branches.

    def _all(self) -> Iterator[Branch]:
        waiting = [self._root]
        while waiting:
            branch = waiting.pop()
            if not branch.ended:
                yield branch
                waiting += branch.children

    def _leaves(self) -> Iterator[Branch]:
        return (each for each in self._all() if not isinstance(each.want, Branches))

    def _wake(self) -> None:
        if self.paused:
            return
        for branch in list(self._leaves()):
            if isinstance(branch.want, Events) and not branch.ended:
                self._go(branch)

    def _is_held(self, want: Want | None) -> bool:
        if isinstance(want, Events):
            return self.memory.inbox.next_after(want.seen, want.types) is not None
        return isinstance(want, Begin)

    def _go(self, branch: Branch, given: Any = None) -> None:
        self._advance(branch, lambda: branch.steps.send(given))

    def _throw(self, branch: Branch, error: Exception) -> None:
        for child in branch.children:
            self._cancel(child)
        self._advance(branch, lambda: branch.steps.throw(error))

    def _advance(self, branch: Branch, move: Callable[[], Want]) -> None:
        try:
            while True:
                self._steps += 1
                if self._steps > ENOUGH_STEPS:
                    raise Race
                before, branch.want = branch.want, move()
                if not (isinstance(before, Events) and isinstance(branch.want, Events)):
                    branch.moved = self._moment
                match branch.want:
                    case Begin() if not self.paused:
                        move = partial(branch.steps.send, None)
                    case Branches() as fork:
                        self._fork(branch, fork)
                        return
                    case _:
                        return
        except StopIteration as stop:
            self._ended(branch, result=stop.value)
        except Fault as fault:
            self._ended(branch, fault=fault)
        except End as end:
            self._ended(branch, end=end)

    def _fork(self, branch: Branch, fork: Branches) -> None:
        branch.children = [Branch(branch) for _ in fork.makers]
        for child, maker in zip(branch.children, fork.makers, strict=True):
            child.steps = maker(child)
            child.began = self._moment
        for child in list(branch.children):
            if not child.ended and branch.want is fork:
                self._go(child)

    def _ended(
        self,
        branch: Branch,
        *,
        result: Json = None,
        fault: Fault | None = None,
        end: End | None = None,
    ) -> None:
        branch.ended, branch.want = True, None
        self._ends += 1
        branch.result, branch.fault, branch.ended_as = result, fault, self._ends
        parent = branch.parent
        if parent is None:
            self._over(result, fault, end)
            return
        fork, siblings = parent.want, parent.children
        assert isinstance(fork, Branches)
        rest = [each for each in siblings if not each.ended]
        if end is not None:
            self._decided(branch, rest)
            self._throw(parent, end)
        elif fork.compete:
            if fault is None:
                self._decided(branch, rest)
                self._close(rest)
                parent.children = []
                self._go(parent, result)
            elif not rest:
                first = min(siblings, key=lambda each: each.ended_as)
                parent.children = []
                assert first.fault is not None
                self._throw(parent, Fault(first.fault.error))
        elif fault is not None:
            self._decided(branch, rest)
            self._throw(parent, fault)
        elif not rest:
            parent.children = []
            self._go(parent, [each.result for each in siblings])

    def _decided(self, branch: Branch, rest: Sequence[Branch]) -> None:
        """Check that nobody else moves, who might have been faster."""
        parent = branch.parent
        assert parent is not None
        together = [
            each
            for each in parent.children
            if each is not branch and (not each.ended or each.began == self._moment)
        ]
        if branch.began == self._moment and together:
            raise Race
        if any(inner.moved == self._moment for each in rest for inner in below(each)):
            raise Race

    def _close(self, branches: Sequence[Branch]) -> None:
        for each in branches:
            self._cancel(each)

    def _cancel(self, branch: Branch) -> None:
        if branch.ended:
            return
        for child in branch.children:
            self._cancel(child)
        branch.ended, branch.want = True, None
        try:
            branch.steps.throw(Cancelled())
        except (Cancelled, StopIteration):
            return
        raise AssertionError("it went on although it was cancelled")

    def _over(self, result: Json, fault: Fault | None, end: End | None) -> None:
        if fault is not None:
            self.outcome = Outcome("TIMED_OUT" if fault.late else "FAILED", error=fault.error)
        elif end is None:
            self.outcome = Outcome("COMPLETED", output=result)
