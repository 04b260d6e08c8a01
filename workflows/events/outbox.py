"""What happens to events on their way to a broker: each of it one transaction. Blocking.

Whoever sends has a turn, with a token. A turn that took too long is somebody else's by now, and who
had it may settle nothing any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from foundation.database import Database
from workflows.events.models import EventRelay, OutgoingEvent
from workflows.events.outgoing import Outgoing, OutgoingRows, OutgoingSweep, Stuck, Turn
from workflows.events.repository import EventRows

# Events that go to the broker at once; whoever takes a tenant has it for so long.
AT_ONCE: Final = 100
LEASE: Final = timedelta(minutes=1)
# An event that the broker does not take is tried so often, over about a quarter of an hour: after
# two seconds, four, eight, up to five minutes.
TRIES: Final = 10
LONGEST_PAUSE_S: Final = 300.0
# Enough for the longest pause. While a broker is away there is no end to the tries.
MAX_DOUBLINGS: Final = 10


class Refusal(NamedTuple):
    """Why the broker does not take an event, and whether trying again is of no use."""

    why: str
    is_final: bool = False


class Verdict(NamedTuple):
    """What was found of an event that the broker did not confirm.

    Attributes:
        set_aside: It, when that was its last try.
        is_its_fault: The broker takes others.
    """

    set_aside: Sequence[int] = ()
    is_its_fault: bool = False


class TurnLostError(Exception):
    """It took too long, and somebody else sends the tenant's events now."""


class Outbox:
    """Events of all tenants that are on their way to the broker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self) -> Turn | None:
        """Take a tenant that has events for the broker."""
        with self._database.session() as session:
            return OutgoingSweep(session).turn(LEASE)

    def next(self, turn: Turn) -> list[Outgoing]:
        """Return the next events to send; when there are none, the turn is over.

        Raises:
            TurnLostError: When it is somebody else's.
        """
        with self._database.session() as session:
            # Whoever publishes either sees the relay, or comes after its end and begins one.
            EventRows(session, turn.tenant_id).lock()
            rows = OutgoingRows(session, turn.tenant_id)
            relay = _held(rows, turn)
            found = rows.next(AT_ONCE)
            if found:
                return found
            if due_at := rows.next_due():
                relay.due_at, relay.token = due_at, None
            else:
                rows.end()
            return []

    def settle(self, turn: Turn, taken: Sequence[int], refused: Mapping[int, Refusal]) -> list[int]:
        """Forget what the broker has got; try later what it refused.

        Args:
            refused: By sequence number.

        Returns:
            What was set aside.

        Raises:
            TurnLostError: When it is somebody else's.
        """
        with self._turn(turn) as (rows, relay, now):
            if taken:
                rows.sent(taken)
                relay.taken_at = now
            if taken or refused:
                # Whoever refuses is there.
                relay.attempts = 0
            relay.due_at = now + LEASE
            return [
                row.sequence
                for row in rows.rows(list(refused))
                if _failed(row, refused[row.sequence], now)
            ]

    def unconfirmed(self, turn: Turn, sequences: Sequence[int], why: str) -> Verdict:
        """Send again what the broker did not confirm: each by itself, to know whose fault it is.

        What was sent by itself is tried later, behind others. Only when the broker has taken
        something since the time before, it is the event's fault.

        Raises:
            TurnLostError: When it is somebody else's.
        """
        with self._turn(turn) as (rows, relay, now):
            relay.due_at = now + LEASE
            kept = rows.rows(sequences)
            if len(sequences) > 1:
                for row in kept:
                    row.alone = True
                return Verdict()
            is_its_fault = all(_took_others(relay, row) for row in kept)
            refusal = Refusal(why) if is_its_fault else None
            for row in kept:
                row.why = why
            gone = [row.sequence for row in kept if _failed(row, refusal, now)]
            return Verdict(gone, is_its_fault)

    def later(self, turn: Turn, pause_s: float, attempts: int) -> None:
        """End a turn; the next one begins after a pause.

        Raises:
            TurnLostError: When it is somebody else's.
        """
        with self._turn(turn) as (_, relay, now):
            relay.due_at, relay.token = now + timedelta(seconds=pause_s), None
            relay.attempts = attempts

    def give_up(self, kept: timedelta) -> dict[str, int]:
        """Forget events that the broker did not get for so long; return how many by tenant.

        Whether there is a broker still does not matter: none that was taken away gets them.
        """
        lost: dict[str, int] = {}
        with self._database.session() as session:
            tenants = OutgoingSweep(session).late(kept)
        for tenant_id in tenants:
            with self._database.session() as session:
                EventRows(session, tenant_id).lock()
                rows = OutgoingRows(session, tenant_id)
                relay = rows.relay()
                lost[tenant_id] = rows.give_up(kept)
                if relay is not None and _is_idle(relay, rows.now()) and rows.next_due() is None:
                    rows.end()
        return {tenant_id: count for tenant_id, count in lost.items() if count}

    def set_aside(self, limit: int) -> list[Stuck]:
        """Return events that were set aside."""
        with self._database.session() as session:
            return OutgoingSweep(session).set_aside(limit)

    def again(self) -> int:
        """Let all that was set aside be tried anew; return how many events that are."""
        count = 0
        with self._database.session() as session:
            tenants = OutgoingSweep(session).blocked()
        for tenant_id in tenants:
            with self._database.session() as session:
                EventRows(session, tenant_id).lock()
                rows = OutgoingRows(session, tenant_id)
                count += rows.again()
                rows.begin()
        return count

    @contextmanager
    def _turn(self, turn: Turn) -> Iterator[tuple[OutgoingRows, EventRelay, datetime]]:
        with self._database.session() as session:
            rows = OutgoingRows(session, turn.tenant_id)
            relay = _held(rows, turn)
            yield rows, relay, rows.now()


def _held(rows: OutgoingRows, turn: Turn) -> EventRelay:
    relay = rows.relay()
    if relay is None or relay.token != turn.token:
        raise TurnLostError
    return relay


def _is_idle(relay: EventRelay, now: datetime) -> bool:
    return relay.token is None or relay.due_at < now


def _took_others(relay: EventRelay, row: OutgoingEvent) -> bool:
    since = relay.taken_at
    return since is not None and (row.failed_at is None or since > row.failed_at)


def _failed(row: OutgoingEvent, refusal: Refusal | None, now: datetime) -> bool:
    """Try an event later, by itself, or set it aside; tell whether it was.

    Args:
        refusal: Why it is its own fault.
    """
    row.attempts += 1
    row.alone = True
    pause_s = 2.0 ** min(row.attempts, MAX_DOUBLINGS)
    row.due_at = now + timedelta(seconds=min(pause_s, LONGEST_PAUSE_S))
    if refusal is None:
        return False
    row.faults += 1
    row.failed_at, row.why = now, refusal.why
    is_set_aside = refusal.is_final or row.faults >= TRIES
    if is_set_aside:
        row.due_at = None
    return is_set_aside
