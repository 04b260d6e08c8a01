"""Publishing what uses things elsewhere: judge it, fetch what it wants, judge it again, keep it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from pydantic import ValidationError

from security.features.service import Features
from security.principal import Principal
from workflows.catalog.fetching import Fetcher, deadline
from workflows.catalog.functions.schemas import FunctionPublication
from workflows.catalog.functions.service import Functions
from workflows.catalog.schemas import Publication
from workflows.catalog.service import Catalog
from workflows.definition import (
    Definition,
    Finding,
    InvalidDefinitionError,
    NotFetchedError,
    load_definition,
    load_document,
    validate,
    wanted,
)
from workflows.definition.checks.functions import MAX_CALL_DEPTH
from workflows.definition.elsewhere import NOTHING_FOUND, Found, Wanted
from workflows.definition.function_file import workflow_around

# Functions that call functions; what is deeper would not be published anyway.
MAX_ROUNDS: Final = MAX_CALL_DEPTH
PUBLISH: Final = "workflow:create"

T = TypeVar("T")


class Publisher:
    """Publishes for all tenants."""

    def __init__(
        self, catalog: Catalog, functions: Functions, features: Features, fetcher: Fetcher
    ) -> None:
        self._catalog = catalog
        self._functions = functions
        self._features = features
        self._fetcher = fetcher

    async def aclose(self) -> None:
        """Stop what goes on beside publications."""
        await self._fetcher.aclose()

    async def publish(self, principal: Principal, text: bytes) -> Publication:
        """Check a definition and keep it, with everything that it uses from elsewhere.

        The same text again changes nothing, whatever has changed elsewhere.

        Raises:
            InvalidDefinitionError: With all findings.
            ConflictError: When the version exists with another content.
        """
        try:
            return await asyncio.to_thread(self._catalog.publish, principal, text)
        except NotFetchedError as error:
            again = await asyncio.to_thread(self._catalog.again, principal, text)
            if again is not None:
                return again
            first = error
        definition = await asyncio.to_thread(_definition, text)

        def kept(found: Found) -> Publication:
            return self._catalog.publish(principal, text, found)

        return await self._with_everything(principal, kept, first, definition)

    async def publish_function(
        self, principal: Principal, name: str, version: str, text: bytes
    ) -> FunctionPublication:
        """Check a function and keep it.

        Raises:
            InvalidDefinitionError: With all findings.
            ConflictError: When the version exists with another content.
        """

        def kept(found: Found) -> FunctionPublication:
            return self._functions.publish(principal, name, version, text, found)

        try:
            return await asyncio.to_thread(kept, NOTHING_FOUND)
        except NotFetchedError as error:
            first = error
        around = await asyncio.to_thread(workflow_around, text)
        return await self._with_everything(principal, kept, first, around)

    async def validate(self, principal: Principal, text: bytes) -> list[Finding]:
        """Find everything that is wrong with a definition.

        For whoever could not publish it nothing is fetched, and what is elsewhere is not judged.
        """
        off = await asyncio.to_thread(self._features.off, principal.tenant_id)
        may_fetch = PUBLISH in principal.permissions
        found = await self._all_of(principal, text) if may_fetch else NOTHING_FOUND
        return await asyncio.to_thread(validate, text, off=off, found=found)

    async def _all_of(self, principal: Principal, text: bytes) -> Found:
        found: Found = NOTHING_FOUND
        definition: Definition | None = None
        until = deadline()
        for _ in range(MAX_ROUNDS):
            missing = await asyncio.to_thread(wanted, text, found=found)
            if not missing:
                break
            definition = definition or await asyncio.to_thread(_definition, text)
            found = await self._more(principal, found, missing, definition, until)
        return found

    async def _with_everything(
        self,
        principal: Principal,
        kept: Callable[[Found], T],
        missing: NotFetchedError,
        definition: Definition | None,
    ) -> T:
        found: Found = NOTHING_FOUND
        until = deadline()
        for _ in range(MAX_ROUNDS):
            found = await self._more(principal, found, missing.wanted, definition, until)
            try:
                return await asyncio.to_thread(kept, found)
            except NotFetchedError as error:
                missing = error
        raise missing

    async def _more(
        self,
        principal: Principal,
        found: Found,
        missing: Sequence[Wanted],
        definition: Definition | None,
        until: float,
    ) -> Found:
        return {**found, **await self._fetcher.fetch(principal, missing, definition, until)}


def _definition(text: bytes) -> Definition | None:
    try:
        document = load_document(text).value
        return load_definition(document) if isinstance(document, dict) else None
    except (InvalidDefinitionError, ValidationError):
        return None
