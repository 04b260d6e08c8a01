"""Rows of one tenant's features. Every query begins with the tenant."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from security.features.models import TenantFeature


class FeatureRows:
    """The table, as one tenant sees it, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def all(self) -> Sequence[TenantFeature]:
        """Return what was decided."""
        return self._session.scalars(select(TenantFeature).where(self._own)).all()

    def put(self, fresh: TenantFeature, *, keep_images: bool) -> Sequence[str]:
        """Decide, or decide anew; return the images that may be run from now on."""
        statement = insert(TenantFeature).values(
            tenant_id=self._tenant_id,
            name=fresh.name,
            enabled=fresh.enabled,
            images=fresh.images,
            changed_at=fresh.changed_at,
            changed_by=fresh.changed_by,
        )
        given = statement.excluded
        changed = {
            "enabled": given.enabled,
            "changed_at": given.changed_at,
            "changed_by": given.changed_by,
        }
        if not keep_images:
            changed["images"] = given.images
        decided = statement.on_conflict_do_update(
            index_elements=[TenantFeature.tenant_id, TenantFeature.name], set_=changed
        )
        return self._session.execute(decided.returning(TenantFeature.images)).scalar_one()

    @property
    def _own(self) -> ColumnElement[bool]:
        return TenantFeature.tenant_id == self._tenant_id
