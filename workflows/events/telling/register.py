"""Who has told a beginning and no end, kept in our own database. Blocking; run in threads."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from foundation.database import Database
from foundation.json import JsonObject
from foundation.taking import clock, take
from workflows.definition.generations import generation_of
from workflows.definition.lifecycle import LIFECYCLE
from workflows.events.telling.models import TellingInstance

_STARTED: Final = f"{LIFECYCLE}workflow.started.v1"
_ENDED: Final = frozenset(
    f"{LIFECYCLE}workflow.{what}.v1" for what in ("completed", "faulted", "cancelled")
)


class Telling(NamedTuple):
    """An instance that has told its beginning."""

    tenant_id: str
    workflow_id: str
    started_id: str
    generation: int


class Register:
    """Instances of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def began(self, tenant_id: str, events: Iterable[JsonObject]) -> None:
        """Remember whose beginning is told here, and not also the end.

        Raises:
            UnavailableError: When the database is away.
        """
        events = list(events)
        over = {_workflow_id(event) for event in events if event["type"] in _ENDED}
        begun = [
            Telling(tenant_id, _workflow_id(event), str(event["id"]), generation_of(event))
            for event in events
            if event["type"] == _STARTED and _workflow_id(event) not in over
        ]
        if begun:
            rows = [each._asdict() for each in begun]
            with self._database.session() as session:
                session.execute(upsert(TellingInstance).on_conflict_do_nothing(), rows)

    def ended(self, tenant_id: str, events: Iterable[JsonObject]) -> None:
        """Forget whose end was told. Which one it was is left to the sweep, when it was retried.

        Raises:
            UnavailableError: When the database is away.
        """
        over = {_workflow_id(event) for event in events if event["type"] in _ENDED}
        if over:
            own = TellingInstance.tenant_id == tenant_id
            once = (
                select(TellingInstance.workflow_id)
                .where(own, TellingInstance.workflow_id.in_(over))
                .group_by(TellingInstance.workflow_id)
                .having(func.count() == 1)
            )
            with self._database.session() as session:
                session.execute(
                    delete(TellingInstance)
                    .where(own, TellingInstance.workflow_id.in_(once))
                    .execution_options(synchronize_session=False)
                )

    def forget(self, telling: Telling) -> None:
        """Forget one."""
        with self._database.session() as session:
            session.execute(delete(TellingInstance).where(tuple_(*_KEY) == telling[:3]))

    def unchecked(self, limit: int, older_than: timedelta) -> Sequence[Telling]:
        """Take some that nobody has looked after for so long; others get others."""
        with self._database.session() as session:
            taken = take(
                session,
                TellingInstance,
                TellingInstance.checked_at <= clock() - older_than,
                oldest=TellingInstance.checked_at,
                limit=limit,
                values={TellingInstance.checked_at: clock()},
                returning=(*_KEY, TellingInstance.generation),
            )
            return [Telling(*row) for row in taken]


_KEY: Final = (
    TellingInstance.tenant_id,
    TellingInstance.workflow_id,
    TellingInstance.started_id,
)


def _workflow_id(event: JsonObject) -> str:
    return str(event["source"]).removeprefix("/")
