"""Rows of published definitions. Every query begins with the tenant."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from workflows.catalog.models import WorkflowDefinition

_NEWEST_FIRST = (
    WorkflowDefinition.prerelease,
    WorkflowDefinition.precedence.desc(),
    # Versions that differ in build metadata only have the same precedence.
    WorkflowDefinition.published_at.desc(),
)


class DefinitionRows:
    """The table, as one tenant sees it, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def lock(self, namespace: str, name: str) -> None:
        """Be the only one who publishes a version of this definition, until the transaction ends.

        So it is certain which one is the newest.
        """
        key = f"definition {self._tenant_id}/{namespace}/{name}"
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))

    def add(self, row: WorkflowDefinition) -> bool:
        """Insert a version; False when there is one already."""
        fields = {
            column.key: value
            for column in WorkflowDefinition.__mapper__.column_attrs
            if (value := getattr(row, column.key)) is not None
        }
        statement = insert(WorkflowDefinition).values(**fields).on_conflict_do_nothing()
        inserted = self._session.execute(statement.returning(WorkflowDefinition.version))
        return inserted.first() is not None

    def version(self, namespace: str, name: str, version: str) -> WorkflowDefinition | None:
        """Return one version."""
        return self._session.get(WorkflowDefinition, (self._tenant_id, namespace, name, version))

    def newest(self, namespace: str, name: str) -> WorkflowDefinition | None:
        """Return the newest version: the highest release, or the highest pre-release."""
        query = select(WorkflowDefinition).where(*self._named(namespace, name))
        return self._session.scalars(query.order_by(*_NEWEST_FIRST).limit(1)).first()

    def by_hash(self, content_hash: str) -> WorkflowDefinition | None:
        """Return a version with this content."""
        query = select(WorkflowDefinition).where(self._own, WorkflowDefinition.hash == content_hash)
        return self._session.scalars(query.limit(1)).first()

    def names(self) -> Sequence[str]:
        """Return `namespace/name` of some definitions, for messages."""
        query = select(WorkflowDefinition.namespace, WorkflowDefinition.name).where(self._own)
        rows = self._session.execute(query.distinct().order_by("namespace", "name").limit(20))
        return [f"{namespace}/{name}" for namespace, name in rows]

    def newest_of_each(
        self, namespace: str | None, after: tuple[str, ...], limit: int
    ) -> Sequence[WorkflowDefinition]:
        """Return the newest version of each definition, by name."""
        name = (WorkflowDefinition.namespace, WorkflowDefinition.name)
        query = select(WorkflowDefinition).where(self._own, tuple_(*name) > after)
        if namespace is not None:
            query = query.where(WorkflowDefinition.namespace == namespace)
        ordered = query.ext(distinct_on(*name)).order_by(*name, *_NEWEST_FIRST)
        return self._session.scalars(ordered.limit(limit)).all()

    def versions(
        self, namespace: str, name: str, before: str | None, limit: int
    ) -> Sequence[WorkflowDefinition]:
        """Return the versions of one definition, highest first."""
        key = (WorkflowDefinition.precedence, WorkflowDefinition.version)
        query = select(WorkflowDefinition).where(*self._named(namespace, name))
        if before is not None and (row := self.version(namespace, name, before)):
            query = query.where(tuple_(*key) < (row.precedence, row.version))
        return self._session.scalars(
            query.order_by(*(column.desc() for column in key)).limit(limit)
        ).all()

    @property
    def _own(self) -> ColumnElement[bool]:
        return WorkflowDefinition.tenant_id == self._tenant_id

    def _named(self, namespace: str, name: str) -> tuple[ColumnElement[bool], ...]:
        return (
            self._own,
            WorkflowDefinition.namespace == namespace,
            WorkflowDefinition.name == name,
        )
