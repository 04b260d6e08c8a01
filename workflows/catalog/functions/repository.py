"""Rows of published functions. Every query begins with the tenant."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from workflows.catalog.functions.models import CatalogFunction


class FunctionRows:
    """The table, as one tenant sees it, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def add(self, row: CatalogFunction) -> bool:
        """Insert a version; False when there is one already."""
        fields = {
            column.key: value
            for column in CatalogFunction.__mapper__.column_attrs
            if (value := getattr(row, column.key)) is not None
        }
        statement = insert(CatalogFunction).values(**fields).on_conflict_do_nothing()
        inserted = self._session.execute(statement.returning(CatalogFunction.version))
        return inserted.first() is not None

    def version(self, name: str, version: str) -> CatalogFunction | None:
        """Return one version."""
        return self._session.get(CatalogFunction, (self._tenant_id, name, version))

    def names(self) -> Sequence[str]:
        """Return the names of some functions, for messages."""
        query = select(CatalogFunction.name).where(self._own).distinct()
        return self._session.scalars(query.order_by("name").limit(200)).all()

    def newest_of_each(self, after: str, limit: int) -> Sequence[CatalogFunction]:
        """Return the newest version of each function, by name."""
        query = select(CatalogFunction).where(self._own, CatalogFunction.name > after)
        newest = (CatalogFunction.prerelease, CatalogFunction.precedence.desc())
        ordered = query.ext(distinct_on(CatalogFunction.name))
        ordered = ordered.order_by(CatalogFunction.name, *newest, CatalogFunction.version)
        return self._session.scalars(ordered.limit(limit)).all()

    def versions(self, name: str, before: str | None, limit: int) -> Sequence[CatalogFunction]:
        """Return the versions of one function, highest first."""
        key = (CatalogFunction.precedence, CatalogFunction.version)
        query = select(CatalogFunction).where(self._own, CatalogFunction.name == name)
        if before is not None and (row := self.version(name, before)):
            query = query.where(tuple_(*key) < (row.precedence, row.version))
        ordered = query.order_by(*(column.desc() for column in key))
        return self._session.scalars(ordered.limit(limit)).all()

    @property
    def _own(self) -> ColumnElement[bool]:
        return CatalogFunction.tenant_id == self._tenant_id
