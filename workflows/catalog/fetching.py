"""Fetching what a definition uses from elsewhere, when it is published; through the egress guard.

Everything is bounded: bytes and seconds of one thing, things at once, seconds of all. Who may log
in somewhere may do so with the tenant's secrets, which appear in no answer.
"""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from activities.http.errors import CallFailedError
from activities.http.exchange import exchange
from activities.http.types import HttpCall
from activities.logins.authenticator import Authenticator
from activities.logins.types import Login, ReadyLogin
from activities.requests import Request, Sealed
from activities.work import Opener
from foundation.errors import InvalidInputError, MillwrightError, NotFoundError
from foundation.json import JsonObject, canonical
from security.egress import Egress
from security.mask import Mask
from security.principal import Principal
from workflows.catalog.addresses import of_call, of_function
from workflows.catalog.functions.service import Functions
from workflows.definition import (
    Code,
    Definition,
    EndpointSpec,
    InvalidDefinitionError,
    load_document,
)
from workflows.definition.elsewhere import DEFAULT_CATALOG, Failed, Fetched, Origin, Wanted
from workflows.definition.models.values import Endpoint
from workflows.expressions import CURRENT
from workflows.interpreter.compiler import compile_body
from workflows.interpreter.compiling import Place, Unit
from workflows.interpreter.tasks.call.endpoint import compile_login

# Of one function or schema; a definition has no more either.
MAX_BYTES: Final = 256 * 1024
ONE_S: Final = 10.0
ALL_S: Final = 30.0
MAX_AT_ONCE: Final = 8
_NOT_FOUND: Final = 404
_ENDPOINT: Final[TypeAdapter[EndpointSpec | str]] = TypeAdapter(Endpoint)
_LOGIN: Final[TypeAdapter[Login]] = TypeAdapter(Login)


@dataclass(frozen=True)
class _Nobody:
    """Who is told whether a request left: nobody, it is repeated as a whole."""

    def not_sent(self) -> None:
        """Take nothing back."""


@dataclass(frozen=True)
class _Errand:
    """The fetching of one thing."""

    request: Request
    mask: Mask = field(default_factory=Mask)
    beat: _Nobody = _Nobody()


def deadline() -> float:
    """Return when all that one publication wants has to be there; by the clock of the loop."""
    return asyncio.get_running_loop().time() + ALL_S


class Fetcher:
    """Fetches for all tenants.

    Args:
        functions: The tenants' own catalogues.
        opener: Puts secrets into logins.
    """

    def __init__(
        self, egress: Egress, functions: Functions, opener: Opener, logins: Authenticator
    ) -> None:
        self._egress = egress
        self._functions = functions
        self._opener = opener
        self._logins = logins

    async def aclose(self) -> None:
        """Stop asking for tokens."""
        await self._logins.aclose()

    async def fetch(
        self,
        principal: Principal,
        wanted: Sequence[Wanted],
        definition: Definition | None,
        until: float,
    ) -> Mapping[str, Fetched | Failed]:
        """Fetch some things; what cannot be had comes back with the reason.

        Args:
            definition: Whose authentications and secrets may be used; None for nobody's.
            until: When everything has to be there (`deadline`).

        Raises:
            ForbiddenError: A secret would be used, and the caller may not run what uses secrets.
            UnavailableError: Our own database cannot be reached.
        """
        gate = asyncio.Semaphore(MAX_AT_ONCE)

        async def one(each: Wanted) -> Fetched | Failed:
            async with gate:
                return await self._one(principal, each, definition)

        tasks = [asyncio.create_task(one(each)) for each in wanted]
        try:
            left = until - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait(tasks, timeout=max(left, 0.0))
            return {
                each.key: task.result() if task in done else _too_late(each)
                for each, task in zip(wanted, tasks, strict=True)
            }
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(
        self, principal: Principal, wanted: Wanted, definition: Definition | None
    ) -> Fetched | Failed:
        if wanted.endpoint is None:
            return await asyncio.to_thread(self._own, principal.tenant_id, wanted)
        endpoint = _ENDPOINT.validate_python(wanted.endpoint)
        uri = endpoint.uri if isinstance(endpoint, EndpointSpec) else endpoint
        try:
            errand, login = await self._logged_in(principal, endpoint, definition)
        except (InvalidInputError, NotFoundError) as error:
            return Failed(code=Code.ELSEWHERE, message=f"Nobody can log in there. {error.message}")
        except ValidationError:
            # Its text would repeat the secret.
            message = "Nobody can log in there: the authentication lacks a member, or has too many."
            return Failed(code=Code.ELSEWHERE, message=message)
        return await self._read(wanted, _addresses(wanted, uri), errand, login)

    def _own(self, tenant_id: str, wanted: Wanted) -> Fetched | Failed:
        try:
            found = self._functions.get(tenant_id, wanted.name or "", wanted.version or "")
        except NotFoundError as error:
            return Failed(code=Code.UNKNOWN_FUNCTION, message=error.message)
        sha256 = hashlib.sha256(found.source.encode()).hexdigest()
        origin = Origin(kind="function", name=wanted.key, address=DEFAULT_CATALOG, sha256=sha256)
        return Fetched(value=found.document, origin=origin, trusted=True)

    async def _logged_in(
        self, principal: Principal, endpoint: EndpointSpec | str, definition: Definition | None
    ) -> tuple[_Errand, Login | None]:
        """Compute the login of an endpoint, as its activity would."""
        errand = _Errand(Request(tenant_id=principal.tenant_id, timeout_s=ONE_S))
        login = endpoint.authentication if isinstance(endpoint, EndpointSpec) else None
        if login is None or definition is None:
            return errand, None
        document: JsonObject = {}
        unit = Unit(definition, document, CURRENT, compile_body)
        part = compile_login(login, Place(unit, "/", document))
        if part is None:
            return errand, None
        if part.secret:
            principal.require("workflow:execute")
        frame: Any = None  # nothing of a run is read: there is none
        sealed = Sealed(
            fields={"login": part.sealed(None, frame)},
            secrets=definition.use.secrets if part.secret else (),
            version=CURRENT.name,
        )
        opened = await self._opener.open(errand.request, sealed)
        errand.mask.hide(opened.texts)
        return errand, _LOGIN.validate_python(opened.fields["login"])

    async def _read(
        self, wanted: Wanted, addresses: Sequence[str], errand: _Errand, login: Login | None
    ) -> Fetched | Failed:
        failed = Failed(code=Code.ELSEWHERE, message=f"{wanted.key} has no address.")
        for address in addresses:
            try:
                data = await self._bytes(address, errand, login)
            except MillwrightError as error:
                failed = _failed(wanted, address, error, errand.mask)
                if not _is_missing(error):
                    break
            else:
                return _read(wanted, address, data, errand.mask)
        return failed

    async def _bytes(self, address: str, errand: _Errand, login: Login | None) -> bytes:
        async def send(ready: ReadyLogin | None) -> bytes:
            call = HttpCall(
                tenant_id=errand.request.tenant_id,
                method="GET",
                uri=address,
                output="raw",
                login=ready,
                timeout_s=ONE_S,
            )
            found = await exchange(self._egress, call, max_bytes=MAX_BYTES)
            return base64.b64decode(found) if isinstance(found, str) else b""

        return await self._logins.logged_in(errand, login, send)


def _addresses(wanted: Wanted, uri: str) -> list[str]:
    if wanted.kind == "schema":
        return [uri]
    if wanted.name is None or wanted.version is None:
        return of_call(uri)
    return of_function(uri, wanted.name, wanted.version)


def _read(wanted: Wanted, address: str, data: bytes, mask: Mask) -> Fetched | Failed:
    if mask.data(data) != data:
        message = f"{address} repeats a secret that it was asked with, so it is not kept."
        return Failed(code=Code.ELSEWHERE, message=message)
    try:
        value = load_document(data).value
        canonical(value)
    except InvalidDefinitionError as error:
        first = error.findings[0]
        message = f"{address} cannot be read (line {first.line}): {first.message}"
        return Failed(code=Code.ELSEWHERE, message=message)
    name = wanted.key if wanted.kind == "function" else address
    origin = Origin(
        kind=wanted.kind, name=name, address=address, sha256=hashlib.sha256(data).hexdigest()
    )
    return Fetched(value=value, origin=origin)


def _is_missing(error: MillwrightError) -> bool:
    return isinstance(error, CallFailedError) and error.upstream_status == _NOT_FOUND


def _failed(wanted: Wanted, address: str, error: MillwrightError, mask: Mask) -> Failed:
    if _is_missing(error) and wanted.kind == "function":
        message = f"There is no function {wanted.key!r}: nothing is at {address}."
        return Failed(code=Code.UNKNOWN_FUNCTION, message=message)
    message = f"The {wanted.kind} cannot be fetched. {mask.text(error.message)}"
    return Failed(code=Code.ELSEWHERE, message=message)


def _too_late(wanted: Wanted) -> Failed:
    message = f"The {wanted.kind} was not fetched: everything together took over {ALL_S:g} s."
    return Failed(code=Code.ELSEWHERE, message=message)
