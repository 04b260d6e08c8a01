"""Importing a `server.json`: read, choose, fill in, and register what comes of it, or update it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from anyio import to_thread
from pydantic import SecretStr, ValidationError

from toolhub.errors import RegistrationError, ServerExistsError
from toolhub.importing.document import ServerDocument, read_document
from toolhub.importing.drafting import Draft, drafted
from toolhub.importing.filling import Filling
from toolhub.importing.offers import Offer, chosen, offers_of
from toolhub.importing.origin import Origin
from toolhub.importing.secrets import dropped_elsewhere, keep_held
from toolhub.importing.types import (
    ImportOutcome,
    ImportPlan,
    ImportRequest,
    ImportResult,
    InputInfo,
    OfferInfo,
    State,
)
from toolhub.registry import Registry
from toolhub.repository import made_storable
from toolhub.schemas import (
    Credential,
    Dialect,
    HeaderCredential,
    HeadersCredential,
    NoCredential,
    ServerChange,
    ServerInfo,
    ServerRegistration,
)
from toolhub.wire.stdio.commands import Commands

_NOT_A_NAME: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME: Final = 63
# Kinds of credentials that an import makes.
_OF_IMPORTS: Final = frozenset({"none", "header", "headers"})


@dataclass(frozen=True)
class _Picked:
    document: ServerDocument
    notes: list[str]
    offers: list[Offer]
    offer: Offer


class Imports:
    """Makes registrations of documents.

    Args:
        registry: Where they go.
        programs: Which programs may be registered.
    """

    def __init__(self, registry: Registry, programs: Commands) -> None:
        self._registry = registry
        self._programs = programs

    async def run(
        self, tenant_id: str, given: ImportRequest, *, may_programs: bool = False
    ) -> ImportResult:
        """Import a server. The same document again changes nothing.

        Args:
            tenant_id: Whose server it will be.
            given: The document and what it asks for.
            may_programs: Whoever imports it may register programs.

        Raises:
            InvalidInputError: The document is none, or of a revision that is not known.
            RegistrationError: Something is missing, or does not fit; says what.
            ProgramsForbiddenError: It is a program, and that is not for everybody.
            ServerNotAllowedError: This installation does not reach it.
            ServerExistsError: Another server has the name.
            CallError: It does not answer as it should; nothing was changed.
        """
        document, notes = read_document(given.document)
        offers = offers_of(document, self._programs, tenant_id, may_programs=may_programs)
        offer = chosen(offers, given.choose)
        picked = _Picked(document, notes, offers, offer)
        name = given.name or _name_of(document)
        there = await to_thread.run_sync(self._there, tenant_id, name, document.name)
        held = await self._held_of_import(tenant_id, there)
        filling = _filling(given, there, held)
        draft = drafted(offer, filling)
        credential = _credential(there, draft, filling, held, notes)
        filling.finish()
        origin = _origin(document, offer, filling)
        plan = _plan(name, picked, draft, filling)
        outcome = ImportOutcome.REGISTERED
        if there is not None:
            same = await self._is_same(tenant_id, there, draft, credential, origin)
            outcome = ImportOutcome.UNCHANGED if same else ImportOutcome.UPDATED
        if given.dry_run:
            return ImportResult(outcome=outcome, dry_run=True, plan=plan, server=there)
        if plan.missing:
            raise RegistrationError(
                f"'{document.name}' cannot be registered yet: it needs {_listed(filling)}. Give "
                "them in 'values', and those that are secret in 'secrets'.",
                details={"missing": list(plan.missing)},
            )
        server = there
        if there is None:
            registration = _registration(name, draft, credential, discover=given.discover)
            server = await self._registry.register(
                tenant_id, registration, may_programs=may_programs, origin=origin
            )
        elif outcome is ImportOutcome.UPDATED:
            change = _change(draft, credential, discover=given.discover)
            server = await self._registry.update(
                tenant_id, name, change, etag=there.etag, may_programs=may_programs, origin=origin
            )
        return ImportResult(outcome=outcome, dry_run=False, plan=plan, server=server)

    def _there(self, tenant_id: str, name: str, document: str) -> ServerInfo | None:
        """Return the server that was imported from this document before."""
        there = self._registry.find(tenant_id, name)
        if there is not None and (there.imported is None or there.imported.name != document):
            raise ServerExistsError(
                f"There is an MCP server called '{name}' already, which was not imported from "
                f"'{document}'. Import it under another 'name', or remove that one first."
            )
        return there

    async def _held_of_import(self, tenant_id: str, there: ServerInfo | None) -> Mapping[str, str]:
        if there is None or there.credential.kind not in _OF_IMPORTS:
            return {}
        return await self._held(tenant_id, there)

    async def _held(self, tenant_id: str, there: ServerInfo) -> Mapping[str, str]:
        return await to_thread.run_sync(self._registry.credential_headers, tenant_id, there.name)

    async def _is_same(
        self,
        tenant_id: str,
        there: ServerInfo,
        draft: Draft,
        credential: Credential | None,
        origin: Origin,
    ) -> bool:
        if there.dialect is not draft.dialect:
            raise RegistrationError(
                f"The MCP server '{there.name}' was imported as '{there.dialect}' and would be "
                f"'{draft.dialect}' now, which a server cannot become. Remove it first, or import "
                "this under another 'name'."
            )
        is_same = (there.url, there.path, there.arguments, there.headers, there.imported) == (
            draft.url,
            "",
            draft.arguments,
            draft.headers,
            origin,
        )
        if credential is None or not is_same:
            return is_same
        return await self._held(tenant_id, there) == draft.secret_headers


def _credential(
    there: ServerInfo | None,
    draft: Draft,
    filling: Filling,
    held: Mapping[str, str],
    notes: list[str],
) -> Credential | None:
    """Return what to log in with; None keeps what is stored."""
    if there is None:
        return _as_credential(draft.secret_headers)
    if there.url != draft.url:
        notes += dropped_elsewhere(draft, filling, held)
        return _as_credential(draft.secret_headers)
    secrets_given = any(one.secret and one.state is State.GIVEN for one in filling.inputs)
    by_hand = there.credential.kind not in _OF_IMPORTS or not draft.wanted_secrets
    if by_hand and not secrets_given:
        # Somebody has decided how to log in there: that stays.
        filling.inputs[:] = [_kept(one) for one in filling.inputs]
        return None
    notes += keep_held(draft, filling, held)
    return None if draft.secret_headers == held else _as_credential(draft.secret_headers)


def _filling(given: ImportRequest, there: ServerInfo | None, held: Mapping[str, str]) -> Filling:
    return Filling(
        values=given.values,
        secrets={name: value.get_secret_value() for name, value in given.secrets.items()},
        kept=there.imported.values if there is not None and there.imported else {},
        held=frozenset(name.lower() for name in held),
    )


def _kept(one: InputInfo) -> InputInfo:
    unknown = one.state in {State.MISSING, State.LEFT_OUT, State.DEFAULT}
    return one.model_copy(update={"state": State.KEPT}) if one.secret and unknown else one


def _as_credential(headers: Mapping[str, str]) -> Credential:
    try:
        if len(headers) == 1:
            ((name, value),) = headers.items()
            return HeaderCredential(kind="header", name=name, value=SecretStr(value))
        if headers:
            secrets = {name: SecretStr(value) for name, value in headers.items()}
            return HeadersCredential(kind="headers", headers=secrets)
    except ValidationError as error:
        raise _unfit(error) from None
    return NoCredential()


def _registration(
    name: str, draft: Draft, credential: Credential | None, *, discover: bool
) -> ServerRegistration:
    try:
        return ServerRegistration(
            name=name,
            url=draft.url,
            path="",
            dialect=draft.dialect,
            credential=credential or NoCredential(),
            discover=discover,
            arguments=draft.arguments,
            headers=draft.headers,
        )
    except ValidationError as error:
        raise _unfit(error) from None


def _change(draft: Draft, credential: Credential | None, *, discover: bool) -> ServerChange:
    is_program = draft.dialect is Dialect.STDIO
    try:
        return ServerChange(
            url=draft.url,
            path="",
            credential=None if is_program else credential,
            discover=discover,
            arguments=draft.arguments if is_program else None,
            headers=None if is_program else draft.headers,
        )
    except ValidationError as error:
        raise _unfit(error) from None


def _unfit(error: ValidationError) -> RegistrationError:
    """Say what a registration cannot have, without the values: some are secret."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    problems = "; ".join(f"{'/'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:5])
    return RegistrationError(f"What the document asks for cannot be registered: {problems}.")


def _name_of(document: ServerDocument) -> str:
    last = document.name.rpartition("/")[2].lower()
    name = _NOT_A_NAME.sub("-", last)[:_LONGEST_NAME].strip("-")
    if not name:
        raise RegistrationError(
            f"'{document.name}' makes no name for a server here. Give one in 'name'."
        )
    return name


def _origin(document: ServerDocument, offer: Offer, filling: Filling) -> Origin:
    return Origin(
        name=document.name,
        version=made_storable(document.version),
        title=made_storable(document.title),
        description=made_storable(document.description),
        website=made_storable(document.website_url),
        repository=made_storable(document.repository.url),
        choose=offer.choose,
        values=filling.used,
    )


def _plan(name: str, picked: _Picked, draft: Draft, filling: Filling) -> ImportPlan:
    document = picked.document
    return ImportPlan(
        name=name,
        document=document.name,
        version=document.version,
        title=document.title,
        description=document.description,
        choose=picked.offer.choose,
        dialect=draft.dialect,
        url=draft.url,
        arguments=draft.arguments,
        headers=draft.headers,
        secret_headers=sorted(draft.secret_headers),
        inputs=filling.inputs,
        missing=filling.missing,
        notes=picked.notes,
        offers=[
            OfferInfo(choose=one.choose, kind=one.kind, what=one.what, problem=one.problem)
            for one in picked.offers
        ],
    )


def _listed(filling: Filling) -> str:
    secret = {one.name for one in filling.inputs if one.secret}
    return ", ".join(
        f"'{name}' (secret)" if name in secret else f"'{name}'" for name in filling.missing
    )
