"""What happens to events in the database: each of it one transaction. Blocking; run in threads."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from cachetools import LRUCache, cached
from cachetools.keys import hashkey

from activities.events.types import Arrival, Interest, Listening, Take, Taken
from foundation.database import Database
from foundation.json import JsonObject
from workflows.events.cloud_events import identity
from workflows.events.models import EventShape, EventSubscription
from workflows.events.outgoing import OutgoingRows
from workflows.events.overdue import EventSweep, Forgotten
from workflows.events.repository import EventRows, Subscriber
from workflows.matching import Shape, key_of

# A signal that is on its way needs less; who was not woken is woken again after this time.
PATIENCE: Final = timedelta(seconds=10)
LONGEST: Final = timedelta(hours=1)
BATCH: Final = 64
BATCH_BYTES: Final = 400_000
# Looking back is bounded, or one new listener could read for minutes.
MAX_MISSED: Final = 1_000
SWEPT: Final = 500


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of events.

    Attributes:
        new: How many of them were not known.
        wakes: Who waits for them.
    """

    new: int
    wakes: list[Subscriber]


class Ledger:
    """Events and subscriptions of all tenants.

    Args:
        kept: How long an event waits for a listener that comes later.
        remembered: How long the same source and id is the same event.
    """

    def __init__(self, database: Database, kept: timedelta, remembered: timedelta) -> None:
        self.database = database
        self._kept = kept
        self._remembered = max(kept, remembered)

    def publish(
        self, tenant_id: str, events: Sequence[JsonObject], *, outgoing: bool = False
    ) -> Accepted:
        """Keep events, and bring each to all who wait for it.

        Args:
            events: Checked, in their order.
            outgoing: The broker is to get them, too.

        Raises:
            UnavailableError: When the database is away; then nothing was kept.
        """
        types = {str(event["type"]) for event in events}
        with self.database.session() as session:
            known = EventRows(session, tenant_id).shapes(types)
        # Before the lock: a filter may take its 20 ms.
        keys = _Keys()
        for event in events:
            keys.of(event, known)
        with self.database.session() as session:
            rows = EventRows(session, tenant_id)
            rows.lock()
            shapes = rows.shapes(types)
            now = datetime.now(UTC)
            added: list[int] = []
            for event in events:
                body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
                sequence = rows.add(identity(event), str(event["type"]), body, now)
                if sequence is None:
                    continue
                added.append(sequence)
                if wanted := keys.of(event, shapes):
                    rows.deliver(sequence, wanted)
            if added and outgoing:
                OutgoingRows(session, tenant_id).send(added)
            wakes = rows.to_wake(added[0], now, PATIENCE) if added else []
        return Accepted(len(added), wakes)

    def take(self, request: Take) -> Taken:
        """Give a listener its next events; what it has seen is forgotten.

        Raises:
            UnavailableError: When the database is away; asking again gives the same.
        """
        if request.managed:
            return self._take_managed(request)
        subscriber = Subscriber(request.workflow_id, request.name)
        shapes = [(interest, shape_of(interest.shape)) for interest in request.interests]
        wanted = {(shape.digest, key_of(interest.key)) for interest, shape in shapes}
        with self.database.session() as session:
            rows = EventRows(session, request.tenant_id)
            now = datetime.now(UTC)
            changes = rows.interests(subscriber) != wanted
            if changes:
                # Before the row: whoever publishes takes them in this order too.
                rows.lock()
            row = rows.subscription(subscriber)
            is_new = row is None
            if is_new and not changes:
                # It was forgotten in between, and what it wanted with it.
                rows.lock()
                changes = True
            if row is None:
                row = rows.subscribe(subscriber, now)
            if changes:
                for _, shape in shapes:
                    rows.keep_shape(shape.digest, shape.type, json.dumps(shape.written))
                rows.set_interests(subscriber, wanted)
                if is_new and request.missed:
                    missed = self._missed(rows, request, shapes, now - self._kept)
                    rows.add_deliveries(subscriber, missed)
            if request.consumed:
                rows.consumed(request.workflow_id, request.consumed)
            rows.acknowledge(subscriber, request.after)
            return _next(rows, row, subscriber, request.after, now)

    def _take_managed(self, request: Take) -> Taken:
        """Give a listener that others have made its next events; none when they have ended it."""
        subscriber = Subscriber(request.workflow_id, request.name)
        with self.database.session() as session:
            rows = EventRows(session, request.tenant_id)
            row = rows.subscription(subscriber)
            if row is None:
                return Taken(arrivals=[], more=False)
            if request.keeps:
                rows.used(subscriber, request.consumed)
            else:
                rows.acknowledge(subscriber, request.after)
            return _next(rows, row, subscriber, request.after, datetime.now(UTC))

    def close(self, request: Listening) -> None:
        """Forget a listener, and remember what it has used.

        Raises:
            UnavailableError: When the database is away.
        """
        with self.database.session() as session:
            rows = EventRows(session, request.tenant_id)
            if request.consumed:
                rows.consumed(request.workflow_id, request.consumed)
            rows.unsubscribe(Subscriber(request.workflow_id, request.name))

    def forget(self, tenant_id: str, workflow_id: str, is_over: Callable[[], bool]) -> None:
        """Forget an instance that is no more.

        Args:
            is_over: Looks whether it is: another run of it may have begun, which has the same
                subscriptions. One that begins now waits until they are gone, and listens anew.

        Raises:
            UnavailableError: When the database is away; then nothing was forgotten.
        """
        with self.database.session() as session:
            rows = EventRows(session, tenant_id)
            held = rows.held(workflow_id)
            if held and is_over():
                for subscriber in held:
                    rows.unsubscribe(subscriber)

    def due(self) -> list[Forgotten]:
        """Return some of those whose signal went missing."""
        with self.database.session() as session:
            return EventSweep(session).due(datetime.now(UTC), PATIENCE, LONGEST, SWEPT)

    def purge(self) -> int:
        """Delete some of the events that are too old to be remembered; return how many."""
        with self.database.session() as session:
            return EventSweep(session).purge(datetime.now(UTC) - self._remembered, SWEPT)

    def _missed(
        self,
        rows: EventRows,
        request: Take,
        shapes: Iterable[tuple[Interest, Shape]],
        since: datetime,
    ) -> list[int]:
        """Find what came before the listener did."""
        wanted = [(shape, key_of(interest.key)) for interest, shape in shapes]
        types = {shape.type for shape, _ in wanted}
        plain = {type_ for type_ in types if type_ is not None}
        kept = rows.kept(
            Subscriber(request.workflow_id, request.name),
            request.after,
            since,
            None if None in types else plain,
        )
        found: list[int] = []
        for sequence, body in kept:
            event = json.loads(body)
            if any(shape.key(event) == key for shape, key in wanted):
                found.append(sequence)
                if len(found) == MAX_MISSED:
                    break
        return found


def _next(
    rows: EventRows, row: EventSubscription, subscriber: Subscriber, after: int, now: datetime
) -> Taken:
    """Return the next events of a subscription, which has seen those up to `after`."""
    found = rows.waiting(subscriber, after, BATCH + 1)
    taken = _within_bounds(found[:BATCH])
    row.wakes = 0
    # A worker that dies now asks again; one that does not come back is replaced.
    row.wake_at = now + PATIENCE if len(taken) < len(found) else None
    arrivals = [Arrival(sequence=each, event=json.loads(body)) for each, body in taken]
    return Taken(arrivals=arrivals, more=len(taken) < len(found))


class _Keys:
    """The keys of the events of one request, each computed once."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], str | None] = {}

    def of(self, event: JsonObject, shapes: Sequence[EventShape]) -> list[tuple[str, str]]:
        """Return shape and key for all shapes that an event has."""
        found: list[tuple[str, str]] = []
        for row in shapes:
            if row.type is not None and row.type != event["type"]:
                continue
            at = id(event), row.digest
            if at not in self._found:
                self._found[at] = _shape_named(row.digest, row.body).key(event)
            if (key := self._found[at]) is not None:
                found.append((row.digest, key))
        return found


@cached(LRUCache(maxsize=4096), key=lambda digest, _body: hashkey(digest), lock=Lock())
def _shape_named(_digest: str, body: str) -> Shape:
    return Shape(json.loads(body))


def shape_of(written: Mapping[str, object]) -> Shape:
    """Compile a shape."""
    return Shape(dict(written))  # type: ignore[arg-type]


def _within_bounds(found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the first ones that fit into one answer, at least one."""
    total = 0
    for count, (_, body) in enumerate(found):
        total += len(body.encode())
        if count and total > BATCH_BYTES:
            return found[:count]
    return found
