"""Stopping a run between its tasks: to pause it, or to go on as a new run with a short history.

A branch stops where a task is about to begin, or in the middle of a wait. Once all branches have
stopped, the run can be left: its state is data (`position`).
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from temporalio import workflow

from workflows.interpreter.position import Position, State

# A call under way has to end before the run can be left. Who waits for it is let go on after this
# time; the next try comes when the history has grown by as many events again.
PATIENCE: Final = timedelta(seconds=10)
EVENTS_BETWEEN_TRIES: Final = 1_000


class Leaving(Exception):  # noqa: N818 - not an error
    """This run ends here; what is left to do is done by the next one."""


class Control:
    """What stops the branches of one run.

    Attributes:
        paused: Somebody wants it to stop for a while.
        branches: How many go on at the same time.
        halted: Told of each place at which a branch stops because somebody wants it to.
    """

    def __init__(
        self, *, paused: bool = False, halted: Callable[[Position], None] = lambda _place: None
    ) -> None:
        self.paused = paused
        self.halted = halted
        self.branches = 1
        self._leaving = False
        self._left = False
        self._stopped: dict[str, Position] = {}
        self._next_try = 0
        self._letting_go: asyncio.Task[None] | None = None

    @property
    def stopping(self) -> bool:
        """Whether branches have to stop."""
        return self.paused or self._leaving

    @property
    def leaving(self) -> bool:
        """Whether even those who wait for something have to stop."""
        return self._leaving

    def states(self) -> dict[str, State]:
        """Return what the next run needs to go on, once this one has been left."""
        states: dict[str, State] = {}
        for place in self._stopped.values():
            states.update(place.snapshot())
        return states

    def suggest(self, info: workflow.Info, events: int) -> None:
        """Leave the run soon, if Temporal suggests it.

        Args:
            events: How many the history has.
        """
        if self._leaving or events < self._next_try:
            return
        if info.is_continue_as_new_suggested():
            self._next_try = events + EVENTS_BETWEEN_TRIES
            self.leave()

    def leave(self) -> None:
        """Leave the run as soon as all branches have stopped."""
        if not self._leaving:
            self._leaving = True
            self._letting_go = asyncio.create_task(self._let_go())

    async def boundary(self, place: Position) -> None:
        """Stop here if the run is to stop.

        Raises:
            Leaving: When the run has been left.
        """
        while self.stopping:
            if self.paused:
                self.halted(place)
            self._stopped[place.path] = place
            self._settle()
            try:
                await workflow.wait_condition(lambda: self._left or not self.stopping)
            finally:
                if not self._left:
                    del self._stopped[place.path]
            if self._left:
                raise Leaving

    def began(self, branches: int) -> None:
        """Count branches that begin; whoever waits for them is none meanwhile."""
        self.branches += branches - 1

    def ended(self, branches: int) -> None:
        """Count out branches that have ended while others go on."""
        self.branches -= branches
        self._settle()

    def joined(self, branches: int) -> None:
        """Count out the last branches; whoever waited for them takes the place of one."""
        self.branches -= branches - 1

    def forget(self, path: str) -> None:
        """Forget who stopped below a place that has faulted meanwhile."""
        for stopped in [each for each in self._stopped if each.startswith(path)]:
            del self._stopped[stopped]

    def _settle(self) -> None:
        if self._leaving and len(self._stopped) == self.branches and not self._left:
            self._left = True
            if self._letting_go is not None:
                self._letting_go.cancel()

    async def _let_go(self) -> None:
        await workflow.sleep(PATIENCE, summary="for the calls under way, to shorten the history")
        self._leaving = False
