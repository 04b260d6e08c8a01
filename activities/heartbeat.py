"""Tell Temporal that a slow call still runs, so that a dead worker is noticed in seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from temporalio import activity

from foundation.errors import MillwrightError
from foundation.json import JsonObject, JsonValue

# The share of the heartbeat timeout after which we report: two reports may get lost.
SHARE: Final = 1 / 3


class Beat:
    """What the reports say: that the request may be on its way, and the last progress told.

    Attributes:
        lost: An earlier attempt may have reached the other side, and ended without an answer: its
            worker died. Whoever must not call twice has to stop here.
        maybe_ran: It is not certain of every attempt before this one that it had no effect, also
            none that repeating would do again without harm.
        kept: What the next attempt has to know, should this one fail; as the last one left it.
    """

    def __init__(self) -> None:
        details = activity.info().heartbeat_details
        last = details[0] if details else {}
        told = last if isinstance(last, dict) else {}
        self.lost = told.get("sent") is True
        self.kept: JsonValue = told.get("kept")
        # What an earlier attempt may have done stays true, however often this one reports.
        self.told: JsonObject = {"sent": self.lost}
        self._attempt = activity.info().attempt
        idle = told.get("idle")
        # Said by the attempt right before: one that says nothing may have ended in the middle.
        self.maybe_ran = self._attempt > 1 and idle != self._attempt - 1
        self._idle: JsonObject = {}

    def idle(self) -> None:
        """Note that it is certain that no attempt so far had any effect."""
        self._idle = {"idle": self._attempt}

    def report(self, progress: JsonObject) -> None:
        """Tell this now, and again until there is something newer."""
        self.told = {"sent": True, **progress}
        self.now()

    def now_sent(self) -> None:
        """The request leaves: from here on nobody knows what a lost answer meant."""
        self.report({})

    def not_sent(self) -> None:
        """Take it back: this attempt had no effect; the next one may try, if none before had."""
        self.told = {"sent": self.lost, **self._idle}
        self.now()

    def keep(self, what: JsonValue) -> None:
        """Leave this to the next attempt, whatever is told meanwhile."""
        self.kept = what
        self.now()

    def now(self) -> None:
        """Report at once."""
        # A local activity has no heartbeat: it is repeated as a whole when its worker dies.
        if not activity.info().is_local:
            kept = {} if self.kept is None else {"kept": self.kept}
            activity.heartbeat({**self.told, **kept})


@asynccontextmanager
async def beating() -> AsyncIterator[Beat]:
    """Report while the block runs; without a heartbeat timeout only what is told is reported.

    A domain error that may be tried again says that nothing was executed, or that repeating does no
    harm; it is raised for that reason only.
    """
    beat = Beat()
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield beat
        return
    # The first report is the one that leaves at once; it is kept for "sent".
    reporter = asyncio.create_task(_repeat(beat, timeout.total_seconds() * SHARE))
    try:
        yield beat
    except MillwrightError as error:
        if error.retryable:
            beat.not_sent()
        raise
    finally:
        reporter.cancel()
        with suppress(asyncio.CancelledError):
            await reporter


async def _repeat(beat: Beat, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        beat.now()
