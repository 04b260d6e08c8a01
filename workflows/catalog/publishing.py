"""Publishing what uses things elsewhere: judge it, fetch what it wants, judge it again, keep it.

Nobody else is asked for what will be refused anyway. Its author is told all that can be told
without that, with what the tenant's own catalogue has; once that is mended, the rest.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from pydantic import ValidationError

from security.features.service import Features
from security.principal import Principal
from workflows.catalog.fetching import Fetcher, deadline
from workflows.catalog.functions.schemas import FunctionPublication
from workflows.catalog.functions.service import Functions
from workflows.catalog.off import off_of
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
        off = await asyncio.to_thread(off_of, self._features, principal)
        tools = self._catalog.tools_of(principal.tenant_id)
        findings = await asyncio.to_thread(validate, text, off=off, tools=tools)
        if PUBLISH not in principal.permissions:
            return findings
        found: Found = NOTHING_FOUND
        definition: Definition | None = None
        until = deadline()
        for _ in range(MAX_ROUNDS):
            missing = await asyncio.to_thread(wanted, text, found=found)
            worth = _worth_having(missing, findings)
            if not worth:
                break
            definition = definition or await asyncio.to_thread(_definition, text)
            found = await self._more(principal, found, worth, definition, until)
            findings = await asyncio.to_thread(validate, text, off=off, found=found, tools=tools)
        return findings

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
            worth = _worth_having(missing.wanted, missing.known)
            if not worth:
                raise InvalidDefinitionError(missing.known)
            found = await self._more(principal, found, worth, definition, until)
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


def _worth_having(missing: Sequence[Wanted], findings: Sequence[Finding]) -> Sequence[Wanted]:
    """Leave out what is far away when it is known that there will be no publication."""
    if any(each.is_error for each in findings):
        return [each for each in missing if not each.is_far]
    return missing


def _definition(text: bytes) -> Definition | None:
    try:
        document = load_document(text).value
        return load_definition(document) if isinstance(document, dict) else None
    except (InvalidDefinitionError, ValidationError):
        return None
