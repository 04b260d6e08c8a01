"""Publishing and finding functions of the tenant's own catalogue. Sync, call it from a thread."""

from typing import Final

from foundation.database import Database
from foundation.errors import ConflictError, NotFoundError
from foundation.pages import NamePage, page_of
from security.features.service import Features
from security.principal import Principal
from workflows.catalog.functions.models import CatalogFunction
from workflows.catalog.functions.repository import FunctionRows
from workflows.catalog.functions.schemas import (
    FunctionPage,
    FunctionPublication,
    FunctionSummary,
    PublishedFunction,
)
from workflows.catalog.off import off_of
from workflows.catalog.versions import is_prerelease, precedence
from workflows.definition.elsewhere import NOTHING_FOUND, Found
from workflows.definition.findings import did_you_mean
from workflows.definition.function_file import PreparedFunction, prepare_function

_SHOWN_VERSIONS: Final = 10


class Functions:
    """The functions of all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._features = Features(database)

    def publish(
        self,
        principal: Principal,
        name: str,
        version: str,
        text: str | bytes,
        found: Found = NOTHING_FOUND,
    ) -> FunctionPublication:
        """Check a function and keep it.

        Publishing the same content again changes nothing and gives what is there.

        Args:
            found: What was fetched for it.

        Raises:
            InvalidDefinitionError: With all findings.
            NotFetchedError: It uses something from elsewhere that was not found yet.
            ConflictError: When the version exists with another content.
        """
        off = off_of(self._features, principal)
        prepared = prepare_function(name, version, text, off=off, found=found)
        with self._database.session() as session:
            rows = FunctionRows(session, principal.tenant_id)
            created = rows.add(_row(principal, prepared))
            row = rows.version(name, version)
            if row is None or row.hash != prepared.hash:
                raise ConflictError(
                    f"The function {name}:{version} is published with another content, and "
                    "published versions never change. Publish the next version."
                )
            publication = FunctionPublication.model_validate(row)
        return publication.model_copy(update={"created": created, "findings": prepared.warnings})

    def get(self, tenant_id: str, name: str, version: str) -> PublishedFunction:
        """Return one version.

        Raises:
            NotFoundError: When the tenant has no such function or version; it names the nearest.
        """
        with self._database.session() as session:
            rows = FunctionRows(session, tenant_id)
            row = rows.version(name, version)
            if row is None:
                raise _missing(rows, name, version)
            return PublishedFunction.model_validate(row)

    def list(
        self, tenant_id: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> FunctionPage:
        """List the newest version of each function, by name.

        Raises:
            InvalidInputError: When the page token is none of ours.
        """
        page = NamePage.of(page_size, page_token, parts=1)
        with self._database.session() as session:
            rows = FunctionRows(session, tenant_id)
            found = rows.newest_of_each(page.after[0], page.limit + 1)
            items, token = page_of(found, page, lambda row: (row.name,))
            return FunctionPage(items=[_summary(row) for row in items], next_page_token=token)

    def versions(
        self,
        tenant_id: str,
        name: str,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> FunctionPage:
        """List the versions of one function, highest first.

        Raises:
            NotFoundError: When the tenant has no such function.
            InvalidInputError: When the page token is none of ours.
        """
        page = NamePage.of(page_size, page_token, parts=1)
        with self._database.session() as session:
            rows = FunctionRows(session, tenant_id)
            [before] = page.after
            found = rows.versions(name, before or None, page.limit + 1)
            if not found and not before:
                raise _missing(rows, name, None)
            items, token = page_of(found, page, lambda row: (row.version,))
            return FunctionPage(items=[_summary(row) for row in items], next_page_token=token)


def _row(principal: Principal, prepared: PreparedFunction) -> CatalogFunction:
    return CatalogFunction(
        tenant_id=principal.tenant_id,
        name=prepared.name,
        version=prepared.version,
        precedence=precedence(prepared.version),
        prerelease=is_prerelease(prepared.version),
        hash=prepared.hash,
        document=prepared.document,
        source=prepared.source,
        published_by=principal.subject,
    )


def _summary(row: CatalogFunction) -> FunctionSummary:
    return FunctionSummary.model_validate(row)


def _missing(rows: FunctionRows, name: str, version: str | None) -> NotFoundError:
    if versions := rows.versions(name, None, _SHOWN_VERSIONS):
        known = ", ".join(row.version for row in versions)
        return NotFoundError(f"The function '{name}' has no version '{version}'. It has: {known}.")
    names = rows.names()
    hint = did_you_mean(name, names) or f" There are: {', '.join(names[:20]) or 'none yet'}."
    return NotFoundError(f"There is no function '{name}' in your own catalogue.{hint}")
