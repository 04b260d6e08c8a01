"""Waiting for runs and following them: who waits together costs Temporal one request."""

import asyncio
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from workflows.instances.feed import Event, Feed
from workflows.instances.inspection import Inspector, Key, no_such
from workflows.instances.progress import progress
from workflows.instances.sharing import Shared, spawn
from workflows.instances.types import Ended
from workflows.interpreter.types import Progress
from workflows.runs.rpc import translated

# A follower is let in by a token that lives a quarter of an hour; so long it may stay, too.
LONGEST_FOLLOW_S: Final = 900.0
# Temporal is not there: it will be.
_AGAIN_S: Final = 1.0


class Followers:
    """Everybody in this process who waits for a run or follows one."""

    def __init__(self, client: Client, inspector: Inspector) -> None:
        self._client = client
        self._inspector = inspector
        self._closings: Shared[asyncio.Task[None]] = Shared(asyncio.Task.cancel)
        self._feeds: Shared[Feed] = Shared(Feed.stop)
        self._waiting: set[asyncio.Future[None]] = set()
        self._dismissed = False

    def dismiss(self) -> None:
        """Send everybody home, those who come later at once."""
        self._dismissed = True
        for feed in self._feeds.lent:
            feed.dismiss()
        for going in self._waiting:
            going.set_result(None)

    async def wait(self, key: Key, seconds: float) -> bool:
        """Wait until a run has ended; tell whether it has."""
        if self._dismissed:
            return False
        going = asyncio.get_running_loop().create_future()
        self._waiting.add(going)
        try:
            with self.closing(key) as closing:
                await asyncio.wait({closing, going}, timeout=seconds, return_when=FIRST_COMPLETED)
                return closing.done()
        finally:
            self._waiting.discard(going)

    async def follow(self, key: Key, after: int) -> AsyncIterator[Event]:
        """Yield the events of a run, and last how it ended."""
        until = asyncio.get_running_loop().time() + LONGEST_FOLLOW_S
        if self._dismissed:
            return
        with self._feeds.hold(key, lambda: Feed(_Run(self, key), after)) as feed:
            async for event in feed.follow(after, until):
                yield event

    @contextmanager
    def closing(self, key: Key) -> Iterator[asyncio.Task[None]]:
        """Lend the task that is done when the run has ended, or was never there."""
        with self._closings.hold(key, lambda: spawn(self._closed(key))) as task:
            yield task

    async def progress(self, key: Key, after: int) -> Progress | None:
        """Return the events after that one; None while no worker answers."""
        tenant_id, run = key
        with translated(lambda: no_such(run.instance_id)):
            return await progress(self._client, run.workflow_id(tenant_id), after)

    async def ended(self, key: Key) -> Ended:
        """Return how an ended run ended."""
        instance = (await self._inspector.look(*key, closed=True)).instance
        return Ended(
            status=instance.status,
            ended_at=instance.ended_at,
            output=instance.output,
            error=instance.error,
        )

    async def _closed(self, key: Key) -> None:
        tenant_id, run = key
        handle = self._client.get_workflow_handle(run.workflow_id(tenant_id))
        while True:
            try:
                await handle.result()
            except WorkflowFailureError:
                return
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    return
                await asyncio.sleep(_AGAIN_S)
            else:
                return


@dataclass(frozen=True, slots=True)
class _Run:
    """One run, for its feed."""

    followers: Followers
    key: Key

    @contextmanager
    def closing(self) -> Iterator[asyncio.Task[None]]:
        with self.followers.closing(self.key) as task:
            yield task

    async def progress(self, after: int) -> Progress | None:
        return await self.followers.progress(self.key, after)

    async def ended(self) -> Ended:
        return await self.followers.ended(self.key)
