"""What happens to schedules of definitions in the database: each of it one transaction."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Final
from uuid import uuid4

import structlog
from sqlalchemy.orm import Session

from activities.events.types import Interest
from activities.schedules.types import Follow, Followed, Following, TriggerKind
from foundation.database import Database
from foundation.errors import UnavailableError
from foundation.json import JsonObject, JsonValue, digest
from security.principal import Principal
from workflows.catalog import Catalog, PublishedDefinition
from workflows.definition import Schedule, load_definition
from workflows.events.ledger import shape_of
from workflows.events.repository import EventRows, Subscriber
from workflows.expressions import ENGINE_VERSION, version_named
from workflows.interpreter.compiler import (
    awaited_events,
    listening_name,
    plan_of,
    trigger_of,
)
from workflows.interpreter.types import ENGINE
from workflows.matching import key_of
from workflows.runs.names import trigger_id
from workflows.triggers.models import DefinitionListening, DefinitionSchedule
from workflows.triggers.repository import Name, ScheduleRows, ScheduleSweep, Trouble

log = structlog.get_logger()

# Whoever published takes care of it at once; later than this, somebody else does.
GRACE: Final = timedelta(seconds=15)
# A few requests to Temporal of at most 5 s each.
HELD: Final = timedelta(seconds=60)
# Temporal was away, or refused: twice as long each time.
AGAIN: Final = timedelta(seconds=10)
AGAIN_AT_MOST: Final = timedelta(minutes=10)
MAX_TROUBLE_CHARS: Final = 500
# What an administrator does to Temporal by hand is mended after this time.
VERIFIED: Final = timedelta(minutes=5)
SWEPT: Final = 100
PERMISSION: Final = "schedule:manage"


@dataclass(frozen=True, slots=True)
class Task:
    """What one process takes care of.

    Attributes:
        changed: Temporal does not know (all of) this revision yet.
        listens: There are events to be used, or may be some.
        token: Whoever has another one takes care of it now.
    """

    name: Name
    version: str
    revision: int
    changed: bool
    listens: bool
    token: str


class ScheduleLedger:
    """What all definitions start by themselves; blocking, run in threads.

    Args:
        catalogue: Where published definitions are looked up.
    """

    def __init__(self, database: Database, catalogue: Catalog) -> None:
        self._database = database
        self._catalogue = catalogue

    def hold(self, name: Name) -> Task | None:
        """Take care of a definition; None when there is nothing to do, or another one does it."""
        now, token = datetime.now(UTC), uuid4().hex
        with self._database.session() as session:
            rows = ScheduleRows(session, name)
            row = rows.hold(now, now + HELD, token)
            if row is None:
                return None
            listenings = rows.listenings()
            return Task(
                name=name,
                version=row.version,
                revision=row.revision,
                # What was not understood may be by now: whoever follows it looks again.
                changed=row.settled < row.revision or any(each.trouble for each in listenings),
                listens=bool(listenings),
                token=token,
            )

    def settle(self, task: Task, *, keeps: bool) -> bool:
        """Note that Temporal agrees; False when the definition has changed meanwhile.

        Args:
            keeps: There is something that has to be looked after.
        """
        now = datetime.now(UTC)
        with self._database.session() as session:
            row = ScheduleRows(session, task.name).schedule()
            if row is None:
                return True
            # Who was slow may have made what a later revision had ended: that has to end again.
            if row.held_by != task.token:
                # By whoever takes care of it now, or by the next one.
                row.revision += 1
                row.due_at = now
                return True
            is_current = row.revision == task.revision
            row.settled = max(row.settled, task.revision) if is_current else 0
            row.held_until = row.held_by = row.trouble = None
            row.attempts = 0
            row.due_at = now if not is_current else now + VERIFIED if keeps else None
            return is_current

    def let_go(self, task: Task, why: str | None = None) -> None:
        """Note that it did not succeed; who has lost it meanwhile notes nothing.

        Args:
            why: What stood in the way; None when this process ends.
        """
        now = datetime.now(UTC)
        with self._database.session() as session:
            row = ScheduleRows(session, task.name).schedule()
            if row is None or row.held_by != task.token:
                return
            row.held_until = row.held_by = None
            row.due_at = now + AGAIN
            if why is not None:
                row.due_at = now + min(AGAIN * 2 ** min(row.attempts, 16), AGAIN_AT_MOST)
                row.attempts += 1
                row.trouble = why[:MAX_TROUBLE_CHARS]

    def due(self) -> list[Name]:
        """Return some definitions that have to be looked at."""
        now = datetime.now(UTC)
        with self._database.session() as session:
            return ScheduleSweep(session).due(now, now + HELD, SWEPT)

    def follow(self, request: Follow) -> Following:
        """Tell a trigger what it follows; a listening that it has finished is forgotten.

        Raises:
            UnavailableError: When the database is away; asking again gives the same.
        """
        name = Name(request.tenant_id, request.namespace, request.name)
        if request.kind is TriggerKind.AFTER:
            return Following(followed=self._after(name))
        with self._database.session() as session:
            rows = ScheduleRows(session, name)
            rows.schedule()
            listenings = list(rows.listenings())
            for each, following in zip_longest(listenings, listenings[1:]):
                if each.number == request.finished and each.over:
                    _finish(session, name, each, following)
                    rows.forget(each)
            left = [each for each in listenings if each.number != request.finished or not each.over]
        # Its events come before those of its successors.
        for listening in left:
            if (followed := self._listening(name, listening)) is not None:
                return Following(followed=followed)
        return Following()

    def _listening(self, name: Name, listening: DefinitionListening) -> Followed | None:
        """Return what a listening starts; None when this worker does not understand it (any more).

        Its events are kept, and those of its successors do not wait for it.
        """
        followed = why = None
        try:
            found = self._followed(name, listening.version)
            followed = found.model_copy(
                update={
                    "number": listening.number,
                    "over": listening.over,
                    "continues": listening.continues,
                }
            )
            _require_understood(followed)
        except UnavailableError:
            raise
        except Exception as error:
            # What another version of this program has accepted may fail in any way.
            log.exception("schedule_not_understood", definition=name, version=listening.version)
            why = f"{type(error).__name__}: {error}"[:MAX_TROUBLE_CHARS]
        if why != listening.trouble:
            with self._database.session() as session:
                ScheduleRows(session, name).note(listening.number, why)
        return followed if why is None else None

    def troubles(self) -> list[Trouble]:
        """Return what some definitions do not start by themselves, and why."""
        with self._database.session() as session:
            return ScheduleSweep(session).troubles(SWEPT)

    def _after(self, name: Name) -> Followed | None:
        with self._database.session() as session:
            row = ScheduleRows(session, name).schedule()
            version = row.version if row else None
        if version is None:
            return None
        followed = self._followed(name, version)
        schedule = schedule_of(followed.document)
        return followed if schedule is not None and schedule.after is not None else None

    def _followed(self, name: Name, version: str) -> Followed:
        found = self._catalogue.get(*name, version)
        return Followed(
            version=found.version,
            hash=found.hash,
            document=found.document,
            engine=ENGINE,
            published_by=found.published_by,
        )


class Successions:
    """What a new version changes, within the transaction that publishes it.

    From its end on, events are brought to the new version, whatever becomes of this process.
    """

    def succeeded(
        self,
        session: Session,
        principal: Principal,
        before: PublishedDefinition | None,
        now: PublishedDefinition,
    ) -> None:
        """Let the schedule of a version take the place of the one before.

        Raises:
            ForbiddenError: When it is another one, and the caller may not manage schedules; or when
                there is one, and the caller may not start instances.
        """
        name = Name(principal.tenant_id, now.namespace, now.name)
        if _said(before.document if before else {}) != _said(now.document):
            principal.require(PERMISSION)
        if "schedule" in now.document:
            # It runs by itself: whoever may not run it may not let it be run.
            principal.require("workflow:execute")
        rows = ScheduleRows(session, name)
        row = rows.schedule()
        if row is None:
            if schedule_of(now.document) is None:
                return
            row = rows.add(now.version)
        row.revision += 1
        row.version = now.version
        row.due_at = datetime.now(UTC) + GRACE
        row.attempts = 0
        _listen(session, rows, name, row, now.document)


def _require_understood(followed: Followed) -> None:
    """Compile what starts on events, as whoever follows it will."""
    version = version_named(followed.engine.expressions)
    plan_of(followed.document, followed.hash, version)
    trigger_of(followed, version, TriggerKind.ON, {})


def schedule_of(document: JsonObject) -> Schedule | None:
    """Return the schedule of a prepared definition."""
    return load_definition(document).schedule if "schedule" in document else None


def _said(document: JsonObject) -> JsonObject:
    """Return everything that a definition says of when it starts by itself."""
    if "schedule" not in document:
        return {}
    # As it is written: a version that nobody understands any more can be replaced all the same.
    told: JsonValue = document.get("document")
    for member in ("metadata", "millwright", "schedule"):
        told = told.get(member) if isinstance(told, dict) else None
    return {"schedule": document["schedule"], "metadata": told}


def _listen(
    session: Session,
    rows: ScheduleRows,
    name: Name,
    row: DefinitionSchedule,
    document: JsonObject,
) -> None:
    """Let events be brought to this version from now on, and to no other one."""
    schedule = schedule_of(document)
    wanted = None
    if schedule is not None and schedule.on is not None:
        wanted = digest([schedule.on.model_dump(by_alias=True, exclude_none=True), schedule.read])
    current = next((each for each in rows.listenings() if not each.over), None)
    if current is None and wanted is None:
        return
    events = EventRows(session, name.tenant_id)
    # Whoever publishes an event sees all of this, or nothing.
    events.lock()
    if current is not None:
        _end(events, name, current)
    if wanted is not None:
        # Sets of which some events have come are completed by the rest of them.
        continues = current is not None and current.wanted == wanted
        rows.listen(row.revision, row.version, wanted, continues=continues)
        version = version_named(ENGINE_VERSION)
        _subscribe(events, _subscriber(name, row.revision), awaited_events(document, version))


def _finish(
    session: Session,
    name: Name,
    finished: DefinitionListening,
    following: DefinitionListening | None,
) -> None:
    """Forget a subscription; sets that wait for the rest of their events do so under the next."""
    events, subscriber = EventRows(session, name.tenant_id), _subscriber(name, finished.number)
    if following is not None and following.continues:
        events.hand_on(subscriber, _subscriber(name, following.number))
    events.unsubscribe(subscriber)


def _end(events: EventRows, name: Name, listening: DefinitionListening) -> None:
    listening.over = True
    events.set_interests(_subscriber(name, listening.number), ())


def _subscribe(events: EventRows, subscriber: Subscriber, interests: Sequence[Interest]) -> None:
    wanted = set[tuple[str, str]]()
    for interest in interests:
        shape = shape_of(interest.shape)
        events.keep_shape(shape.digest, shape.type, json.dumps(shape.written))
        wanted.add((shape.digest, key_of(interest.key)))
    events.subscribe(subscriber, datetime.now(UTC))
    events.set_interests(subscriber, wanted)


def _subscriber(name: Name, number: int) -> Subscriber:
    return Subscriber(trigger_id(*name, TriggerKind.ON), listening_name(number))
