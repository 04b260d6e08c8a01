"""Rows of what one definition starts by itself. Every query begins with the tenant."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from foundation.taking import take
from workflows.triggers.models import DefinitionListening, DefinitionSchedule


class Name(NamedTuple):
    """Which definition, of which tenant."""

    tenant_id: str
    namespace: str
    name: str


class Trouble(NamedTuple):
    """A definition that does not start by itself as it should, and why."""

    tenant_id: str
    namespace: str
    name: str
    version: str
    why: str


class ScheduleRows:
    """The tables, as one definition sees them, within one transaction."""

    def __init__(self, session: Session, name: Name) -> None:
        self._session = session
        self._name = name

    def schedule(self) -> DefinitionSchedule | None:
        """Return what is to be kept, and hold it until the transaction ends."""
        return self._session.get(DefinitionSchedule, self._name, with_for_update=True)

    def add(self, version: str) -> DefinitionSchedule:
        """Begin to keep something."""
        row = DefinitionSchedule(
            **self._name._asdict(),
            version=version,
            revision=0,
            settled=0,
            held_until=None,
            held_by=None,
            attempts=0,
            trouble=None,
            due_at=None,
        )
        self._session.add(row)
        return row

    def listenings(self) -> Sequence[DefinitionListening]:
        """Return its listenings that have events to be used, or may get some; oldest first."""
        found = select(DefinitionListening).where(self._is(DefinitionListening))
        return self._session.scalars(found.order_by(DefinitionListening.number)).all()

    def listen(self, number: int, version: str, wanted: str, *, continues: bool) -> None:
        """Begin to listen."""
        self._session.add(
            DefinitionListening(
                **self._name._asdict(),
                number=number,
                version=version,
                wanted=wanted,
                continues=continues,
                over=False,
                trouble=None,
            )
        )

    def forget(self, listening: DefinitionListening) -> None:
        """Forget a listening of which every event has been used."""
        self._session.delete(listening)
        self._session.flush()

    def note(self, number: int, trouble: str | None) -> None:
        """Note why nothing is started by the events of a listening, or that it is again."""
        self._session.execute(
            update(DefinitionListening)
            .where(self._is(DefinitionListening), DefinitionListening.number == number)
            .values(trouble=trouble)
        )

    def hold(self, now: datetime, until: datetime, by: str) -> DefinitionSchedule | None:
        """Take care of it until then; None when somebody else does, or there is nothing."""
        taken = (
            update(DefinitionSchedule)
            .where(
                self._is(DefinitionSchedule),
                or_(DefinitionSchedule.held_until.is_(None), DefinitionSchedule.held_until <= now),
            )
            .values(held_until=until, held_by=by, due_at=until)
            .returning(DefinitionSchedule)
        )
        return self._session.scalar(taken)

    def _is(self, table: type[DefinitionSchedule | DefinitionListening]) -> ColumnElement[bool]:
        return and_(
            table.tenant_id == self._name.tenant_id,
            table.namespace == self._name.namespace,
            table.name == self._name.name,
        )


class ScheduleSweep:
    """The table as the sweeper sees it: all tenants, longest due first."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def due(self, now: datetime, again_at: datetime, limit: int) -> list[Name]:
        """Take some that have to be looked at; others leave them alone until then."""
        key = (
            DefinitionSchedule.tenant_id,
            DefinitionSchedule.namespace,
            DefinitionSchedule.name,
        )
        taken = take(
            self._session,
            DefinitionSchedule,
            DefinitionSchedule.due_at <= now,
            oldest=DefinitionSchedule.due_at,
            limit=limit,
            values={DefinitionSchedule.due_at: again_at},
            returning=key,
        )
        return [Name(*row) for row in taken]

    def troubles(self, limit: int) -> list[Trouble]:
        """Return some definitions that do not start by themselves as they should."""
        found: list[DefinitionSchedule | DefinitionListening] = []
        schedules, listenings = DefinitionSchedule, DefinitionListening
        found += self._session.scalars(
            select(schedules).where(schedules.trouble.is_not(None)).limit(limit)
        )
        found += self._session.scalars(
            select(listenings).where(listenings.trouble.is_not(None)).limit(limit)
        )
        return sorted(
            Trouble(each.tenant_id, each.namespace, each.name, each.version, each.trouble or "")
            for each in found
        )
