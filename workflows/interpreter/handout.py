"""How much is handed to Temporal with one workflow task.

A run whose commands of one workflow task take more than 4 MB is terminated by Temporal, without a
word and for good.

Bytes are counted as they are handed out. What has ended or fired had been handed out in an earlier
workflow task, and so had all before it; only what came after may still be waiting to be sent. When
that is much, all branches wait for a timer of a millisecond, whose firing proves that it was sent.
The count depends on nothing but what the run does, so a replay pauses at the same places.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from temporalio import workflow

from foundation.sizes import INLINE_BYTES

# Half of what Temporal takes: our sizes are those of the values, and names and headers come on top.
MAX_BYTES: Final = 2_000_000
# What a command takes besides its payload: ids, names, a summary, timeouts; and the reference that
# takes the place of a large payload.
COMMAND_BYTES: Final = 1_500
_PAUSE: Final = timedelta(milliseconds=1)


def wire_size(size: int) -> int:
    """Return what a command with a payload of this size takes."""
    return COMMAND_BYTES + (size if size < INLINE_BYTES else 0)


class Handout:
    """What a run has handed out, in bytes.

    Attributes:
        given: All that was handed out so far.
        sent: How much of it Temporal certainly has.
        promised: What local activities under way may still add: their results are recorded with
            the workflow task, and nobody knows yet how long they are.
    """

    def __init__(self) -> None:
        self.given = 0
        self.sent = 0
        self.promised = 0
        self._pausing = False

    async def admit(self, size: int) -> int:
        """Wait until a command of this size may be handed out, and count it.

        Returns:
            What to tell `arrived` when the command has had its effect.
        """
        await self._room(size)
        self.given += size
        return self.given

    def arrived(self, mark: int) -> None:
        """Note that a command has had its effect: it was sent, with all that came before it."""
        self.sent = max(self.sent, mark)

    @contextmanager
    def _promise(self, size: int) -> Iterator[None]:
        self.promised += size
        try:
            yield
        finally:
            self.promised -= size

    @contextmanager
    def promised_result(self) -> Iterator[None]:
        """Keep room for the result of a local activity."""
        with self._promise(wire_size(INLINE_BYTES - 1)):
            yield

    async def room_for_result(self) -> None:
        """Wait until one more local activity may begin."""
        await self._room(wire_size(INLINE_BYTES - 1))

    def recorded(self, size: int) -> None:
        """Count the result of a local activity."""
        self.given += wire_size(size)

    def _fits(self, size: int) -> bool:
        waiting = self.given - self.sent + self.promised
        return waiting == 0 or waiting + size <= MAX_BYTES

    async def _room(self, size: int) -> None:
        while not self._fits(size):
            if self.given == self.sent:
                # Only results of local activities are in the way: they will come.
                await workflow.wait_condition(lambda: self._fits(size) or self.given > self.sent)
            elif self._pausing:
                await workflow.wait_condition(lambda: self._fits(size) or not self._pausing)
            else:
                await self._pause(size)

    async def _pause(self, size: int) -> None:
        self._pausing, mark = True, self.given
        try:
            # What comes back meanwhile is as good: a cluster may fire timers a second late.
            await workflow.wait_condition(
                lambda: self._fits(size), timeout=_PAUSE, timeout_summary="pause: much was sent"
            )
        except TimeoutError:
            self.arrived(mark)
        finally:
            # Also when this branch is cancelled: then the next one pauses.
            self._pausing = False
