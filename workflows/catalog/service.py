"""Publishing and finding definitions.

A published version never changes, so what was read once may be kept; which version is the newest
is always asked.
"""

from threading import Lock
from typing import Final, Protocol, TypeAlias

from cachetools import LRUCache
from sqlalchemy.orm import Session

from foundation.database import Database
from foundation.errors import ConflictError, NotFoundError
from foundation.pages import NamePage, page_of
from security.features.service import Features
from security.principal import Principal
from workflows.catalog.models import WorkflowDefinition
from workflows.catalog.off import off_of
from workflows.catalog.repository import DefinitionRows
from workflows.catalog.schemas import (
    DefinitionPage,
    DefinitionSummary,
    Publication,
    PublishedDefinition,
)
from workflows.catalog.tools import ToolsOfTenants
from workflows.catalog.versions import is_prerelease, precedence
from workflows.definition import (
    PreparedDefinition,
    load_definition,
    load_document,
    prepare,
)
from workflows.definition.elsewhere import NOTHING_FOUND, Found
from workflows.definition.tools import Tools

# Characters of source; as data in memory a definition takes about ten times as much.
_KEPT_CHARS: Final = 16 * 1024 * 1024
# Tenant first, then name and version, or the content hash.
_Key: TypeAlias = tuple[str, ...]


class Successions(Protocol):
    """Who has to know, in the same transaction, that another version is the newest one now."""

    def succeeded(
        self,
        session: Session,
        principal: Principal,
        before: PublishedDefinition | None,
        now: PublishedDefinition,
    ) -> None:
        """Take note of it.

        Raises:
            MillwrightError: When that may not be; then nothing is published.
        """
        ...


class Catalog:
    """The definitions of all tenants; sync, call it from a thread.

    Args:
        successions: Who is told of new versions; nobody where nothing is published.
        tools: What calls of tools are compared with; without them they are not judged.
    """

    def __init__(
        self,
        database: Database,
        successions: Successions | None = None,
        tools: ToolsOfTenants | None = None,
    ) -> None:
        self._database = database
        self._successions = successions
        self._tools = tools
        self._features = Features(database)
        self._kept: LRUCache[_Key, PublishedDefinition] = LRUCache(
            _KEPT_CHARS, getsizeof=lambda definition: len(definition.source)
        )
        self._lock = Lock()

    def publish(
        self, principal: Principal, text: str | bytes, found: Found = NOTHING_FOUND
    ) -> Publication:
        """Check a definition and keep it.

        Publishing the same content again changes nothing and gives what is there.

        Args:
            found: What was fetched for it.

        Raises:
            InvalidDefinitionError: With all findings.
            NotFetchedError: It uses something from elsewhere that was not found yet.
            ConflictError: When the version exists with another content.
            ForbiddenError: When it changes a schedule, and the caller may not.
        """
        off = off_of(self._features, principal)
        prepared = prepare(text, off=off, found=found, tools=self.tools_of(principal.tenant_id))
        with self._database.session() as session:
            rows = DefinitionRows(session, principal.tenant_id)
            rows.lock(prepared.namespace, prepared.name)
            before = rows.newest(prepared.namespace, prepared.name)
            created = rows.add(_row(principal, prepared))
            row = rows.version(prepared.namespace, prepared.name, prepared.version)
            if row is None or row.hash != prepared.hash:
                raise ConflictError(
                    f"{prepared.namespace}/{prepared.name} {prepared.version} is published with "
                    "another content, and published versions never change. Raise document.version."
                )
            publication = Publication.model_validate(row)
            now = rows.newest(prepared.namespace, prepared.name)
            if self._successions is not None and created and now is row:
                self._successions.succeeded(
                    session,
                    principal,
                    PublishedDefinition.model_validate(before) if before else None,
                    PublishedDefinition.model_validate(row),
                )
        return publication.model_copy(update={"created": created, "findings": prepared.warnings})

    def tools_of(self, tenant_id: str) -> Tools | None:
        """Return what calls of tools are compared with."""
        return self._tools.of(tenant_id) if self._tools is not None else None

    def again(self, principal: Principal, text: str | bytes) -> Publication | None:
        """Return what this very text has published before, whatever is elsewhere by now."""
        document = load_document(text).value
        definition = load_definition(document) if isinstance(document, dict) else None
        if definition is None:
            return None
        info = definition.document
        with self._database.session() as session:
            rows = DefinitionRows(session, principal.tenant_id)
            row = rows.version(info.namespace, info.name, info.version)
            if row is None or load_document(row.source).value != document:
                return None
            return Publication.model_validate(row)

    def get(
        self, tenant_id: str, namespace: str, name: str, version: str | None = None
    ) -> PublishedDefinition:
        """Return one version; the newest without `version`.

        Raises:
            NotFoundError: When the tenant has no such definition or version.
        """
        if version is not None and (kept := self._known((tenant_id, namespace, name, version))):
            return kept
        _refuse_unprintable(namespace, name, version or "")
        with self._database.session() as session:
            rows = DefinitionRows(session, tenant_id)
            if version is None:
                row = rows.newest(namespace, name)
            else:
                row = rows.version(namespace, name, version)
            if row is None:
                raise _missing(rows, namespace, name, version)
            return self._keep(row)

    def by_hash(self, tenant_id: str, content_hash: str) -> PublishedDefinition:
        """Return a definition by its content.

        Raises:
            NotFoundError: When the tenant has none with this content.
        """
        if kept := self._known((tenant_id, content_hash)):
            return kept
        _refuse_unprintable(content_hash)
        with self._database.session() as session:
            row = DefinitionRows(session, tenant_id).by_hash(content_hash)
            if row is None:
                raise NotFoundError(f"No definition with the hash {content_hash} is published.")
            return self._keep(row)

    def list(
        self,
        tenant_id: str,
        *,
        namespace: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> DefinitionPage:
        """List the newest version of each definition, by namespace and name.

        Raises:
            InvalidInputError: When the page token is none of ours.
        """
        page = NamePage.of(page_size, page_token, parts=2)
        with self._database.session() as session:
            found = DefinitionRows(session, tenant_id).newest_of_each(
                namespace, page.after, page.limit + 1
            )
            items, token = page_of(found, page, lambda row: (row.namespace, row.name))
            return DefinitionPage(items=[_summary(row) for row in items], next_page_token=token)

    def versions(
        self,
        tenant_id: str,
        namespace: str,
        name: str,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> DefinitionPage:
        """List the versions of one definition, highest first.

        Raises:
            NotFoundError: When the tenant has no such definition.
            InvalidInputError: When the page token is none of ours.
        """
        _refuse_unprintable(namespace, name)
        page = NamePage.of(page_size, page_token, parts=1)
        with self._database.session() as session:
            rows = DefinitionRows(session, tenant_id)
            [before] = page.after
            found = rows.versions(namespace, name, before or None, page.limit + 1)
            if not found and not before:
                raise _missing(rows, namespace, name, None)
            items, token = page_of(found, page, lambda row: (row.version,))
            return DefinitionPage(items=[_summary(row) for row in items], next_page_token=token)

    def _known(self, key: _Key) -> PublishedDefinition | None:
        with self._lock:
            return self._kept.get(key)

    def _keep(self, row: WorkflowDefinition) -> PublishedDefinition:
        found = PublishedDefinition.model_validate(row)
        with self._lock:
            self._kept[row.tenant_id, row.namespace, row.name, row.version] = found
            self._kept[row.tenant_id, row.hash] = found
        return found


def _refuse_unprintable(*texts: str) -> None:
    """Say that nothing has such a name; the database would not even take the question."""
    for text in texts:
        if not text.isprintable():
            raise NotFoundError(f"Nothing published is called {text[:63]!r}.")


def _row(principal: Principal, prepared: PreparedDefinition) -> WorkflowDefinition:
    return WorkflowDefinition(
        tenant_id=principal.tenant_id,
        namespace=prepared.namespace,
        name=prepared.name,
        version=prepared.version,
        precedence=precedence(prepared.version),
        prerelease=is_prerelease(prepared.version),
        hash=prepared.hash,
        title=prepared.title,
        summary=prepared.summary,
        document=prepared.document,
        source=prepared.source,
        origins=[origin.model_dump() for origin in prepared.origins],
        published_by=principal.subject,
    )


def _summary(row: WorkflowDefinition) -> DefinitionSummary:
    return DefinitionSummary.model_validate(row)


def _missing(rows: DefinitionRows, namespace: str, name: str, version: str | None) -> NotFoundError:
    what = f"{namespace}/{name}"
    if version is not None and rows.newest(namespace, name):
        known = ", ".join(row.version for row in rows.versions(namespace, name, None, 10))
        return NotFoundError(f"{what} has no version '{version}'. It has: {known}.")
    names = ", ".join(rows.names()) or "none yet"
    return NotFoundError(f"No workflow '{what}' is published. Published: {names}.")
