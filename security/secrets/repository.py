"""Rows of one tenant's secrets. Every query begins with the tenant."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from security.secrets.models import Secret


class SecretRows:
    """The table, as one tenant sees it, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def secret(self, name: str, *, lock: bool = False) -> Secret | None:
        """Return a secret by its name; `lock` holds its row until the transaction ends."""
        found = select(Secret).where(self._own, Secret.name == name)
        return self._session.scalar(found.with_for_update() if lock else found)

    def put(self, fresh: Secret) -> Secret:
        """Insert a secret, or let it replace the value of the one that is there."""
        statement = insert(Secret).values(
            tenant_id=self._tenant_id,
            name=fresh.name,
            sealed=fresh.sealed,
            version=1,
            created_at=fresh.updated_at,
            created_by=fresh.updated_by,
            updated_at=fresh.updated_at,
            updated_by=fresh.updated_by,
        )
        given = statement.excluded
        stored = statement.on_conflict_do_update(
            index_elements=[Secret.tenant_id, Secret.name],
            set_={
                "sealed": given.sealed,
                "version": Secret.version + 1,
                "updated_at": given.updated_at,
                "updated_by": given.updated_by,
            },
        ).returning(Secret)
        # What was locked before is in the session, with the values it had then.
        return self._session.scalars(stored, execution_options={"populate_existing": True}).one()

    def sealed(self, names: Collection[str]) -> dict[str, str]:
        """Return the sealed values of those that are there, by name."""
        found = select(Secret.name, Secret.sealed).where(self._own, Secret.name.in_(names))
        return {row[0]: row[1] for row in self._session.execute(found)}

    def secrets(self, after: str, limit: int) -> Sequence[Secret]:
        """Return secrets in the order of their names."""
        page = select(Secret).where(self._own, Secret.name > after)
        return self._session.scalars(page.order_by(Secret.name).limit(limit)).all()

    def remove(self, secret: Secret) -> None:
        """Delete a secret."""
        self._session.delete(secret)

    @property
    def _own(self) -> ColumnElement[bool]:
        return Secret.tenant_id == self._tenant_id
