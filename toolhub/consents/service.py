"""Sending somebody off to agree, and what happens when he comes back.

Whoever comes back brings a secret that only he was given, once, for ten minutes; it names the
tenant, and in the database it is bound to the person who asked and to the server's credential.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

import structlog
from anyio import to_thread

from foundation.database import Database
from foundation.errors import NotFoundError
from security.authority.errors import LoginError
from security.authority.token_requests import Fields
from security.egress import Egress
from toolhub.consents.clients import client_for
from toolhub.consents.models import McpConsentRequest
from toolhub.consents.repository import Consents
from toolhub.consents.types import Agreed, Asked, ConsentAnswer, ConsentInfo, ConsentStart
from toolhub.credentials import Credentials
from toolhub.directory import destination, found_server
from toolhub.errors import ConsentError, RegistrationError
from toolhub.logins.asking import Asking, shown_as
from toolhub.logins.metadata import AuthorizationServer
from toolhub.logins.types import PersonLogin, Registered
from toolhub.logins.whose import Wanted, Whose, ask_whose, in_words
from toolhub.models import McpServer
from toolhub.repository import ServerRows
from toolhub.schemas import Dialect
from toolhub.wire.exchange import Destination, Wire

OFFLINE: Final = "offline_access"
_METHOD: Final = "S256"
_log = structlog.get_logger(__name__)


class Consenting:
    """Asks people to agree.

    Args:
        egress: The way to what servers name.
        wires: The adapter of each dialect, without logging in.
    """

    def __init__(
        self,
        database: Database,
        credentials: Credentials,
        egress: Egress,
        wires: Mapping[Dialect, Wire],
        *,
        consents: Consents,
        asking: Asking,
    ) -> None:
        self._database = database
        self._credentials = credentials
        self._egress = egress
        self._wires = wires
        self._consents = consents
        self._asking = asking

    async def begin(
        self,
        tenant_id: str,
        name: str,
        *,
        by: str,
        redirect_uri: str,
        described_at: str | None = None,
    ) -> ConsentStart:
        """Return where somebody can agree.

        Args:
            tenant_id: Whose server it is.
            name: Its name.
            by: Who asks.
            redirect_uri: Where he comes back to, or below it.
            described_at: Where authorization servers can read who we are.

        Raises:
            UnknownServerError: There is no such server.
            RegistrationError: It is not logged in to by people.
            CallError: Its authorization server is not found, or does not do what it has to.
        """
        server, login, to = await self._person_of(tenant_id, name)
        if login.client is not None and login.issuer is None:
            raise RegistrationError(
                f"It is not known which authorization server the client of the MCP server '{name}' "
                "belongs to. Send its credential again."
            )
        registered = self._credentials.open(server).registered
        known = await to_thread.run_sync(self._consents.known, registered)
        async with in_words(to):
            wanted = Wanted(login.issuer, login.resource, login.scopes)
            wire = self._wires[Dialect(server.dialect)]
            way = await self._egress.of(to.tenant_id)
            whose = await ask_whose(way, wire, to, wanted)
            about = await self._asking.about(tenant_id, whose.issuer)
            endpoint = _endpoint(about)
            asker = await client_for(
                tenant_id,
                self._asking,
                about,
                login,
                before=known[0] if known else None,
                redirect_uri=redirect_uri,
                described_at=described_at,
            )
        asked = Asked(
            issuer=whose.issuer,
            client=asker.client,
            made_for_us=asker.made_for_us,
            made_until=asker.made_until,
            redirect_uri=asker.redirect_uri,
            resource=whose.resource,
            scopes=_scopes(login, whose, about, known[1] if known else None),
            verifier=secrets.token_urlsafe(64),
            names_itself=about.authorization_response_iss_parameter_supported,
        )
        state = f"{tenant_id}.{secrets.token_urlsafe(32)}"
        until = await to_thread.run_sync(self._consents.ask, registered, state, asked, by)
        return ConsentStart(url=_address(endpoint, asked, state), expires_at=until)

    async def complete(self, answer: ConsentAnswer) -> tuple[str, str]:
        """Keep what somebody has agreed to; return the tenant and the name of the server.

        Raises:
            ConsentError: Nobody was asked this, or he did not agree, or another one answers.
            CallError: The authorization server gives no token for it.
        """
        tenant_id, _, _ = answer.state.partition(".")
        found = await to_thread.run_sync(self._consents.answered, tenant_id, answer.state)
        if found is None:
            raise ConsentError(
                "Nobody was asked this, or it is more than ten minutes ago, or was answered. "
                "Begin again: millwright mcp login."
            )
        question, asked = found
        _check_issuer(answer, asked)
        server = await to_thread.run_sync(self._server_of, question)
        to = destination(server, self._credentials.open(server))
        if answer.error is not None or not answer.code:
            raise ConsentError(
                f"{shown_as(asked.issuer)} gave no consent for the MCP server '{server.name}'"
                f"{_said(answer.error)}."
            )
        fields: Fields = {
            "grant_type": "authorization_code",
            "code": answer.code,
            "redirect_uri": asked.redirect_uri,
            "code_verifier": asked.verifier,
            "resource": asked.resource,
        }
        async with in_words(to):
            token = await self._asking.exchanged(tenant_id, asked.issuer, asked.client, fields)
        kept = asked.model_dump(exclude={"verifier", "names_itself"})
        agreed = Agreed(**kept, token=token.text, refresh=token.refresh)
        await to_thread.run_sync(self._consents.agree, question, agreed, token.keeps_s)
        _log.info("mcp_server_agreed", tenant=tenant_id, server=server.name, by=question.asked_by)
        return tenant_id, server.name

    async def get(self, tenant_id: str, name: str) -> ConsentInfo:
        """Return what somebody has agreed to.

        Raises:
            UnknownServerError: There is no such server.
            RegistrationError: It is not logged in to by people.
            NotFoundError: Nobody has agreed.
        """
        server, _, _ = await self._person_of(tenant_id, name)
        registered = self._credentials.open(server).registered
        known = await to_thread.run_sync(self._consents.known, registered)
        if known is None:
            raise _nobody(name)
        return known[1]

    async def forget(self, tenant_id: str, name: str, *, by: str) -> None:
        """Drop what somebody has agreed to. The authorization server is told nothing.

        Raises:
            MillwrightError: As `get`.
        """
        server, _, _ = await self._person_of(tenant_id, name)
        registered = self._credentials.open(server).registered
        if not await to_thread.run_sync(self._consents.forget, registered):
            raise _nobody(name)
        _log.info("mcp_server_consent_dropped", tenant=tenant_id, server=name, by=by)

    async def _person_of(
        self, tenant_id: str, name: str
    ) -> tuple[McpServer, PersonLogin, Destination]:
        server = await to_thread.run_sync(self._read, tenant_id, name)
        to = destination(server, self._credentials.open(server))
        person = to.registered.person if to.registered else None
        if person is None:
            raise RegistrationError(
                f"Nobody has to agree to the MCP server '{name}': its credential is of kind "
                f"'{server.credential_kind}'. Give it one of kind 'oauth2-authorization-code'."
            )
        return server, person, to

    def _read(self, tenant_id: str, name: str) -> McpServer:
        with self._database.session() as session:
            return found_server(ServerRows(session, tenant_id), name)

    def _server_of(self, question: McpConsentRequest) -> McpServer:
        with self._database.session() as session:
            server = session.get(McpServer, (question.tenant_id, question.server_id))
            if server is None or _version(self._credentials, server) != question.credential_version:
                raise ConsentError(
                    "The credential of the MCP server has changed since. Begin again: "
                    "millwright mcp login."
                )
            session.expunge(server)
            return server


def _version(credentials: Credentials, server: McpServer) -> str:
    registered: Registered = credentials.open(server).registered
    return registered.version


def _endpoint(about: AuthorizationServer) -> str:
    """Return where people are asked, if it is safe to ask there.

    Raises:
        LoginError: It is not.
    """
    if about.authorization_endpoint is None:
        raise LoginError(f"{shown_as(about.issuer)} does not say where people are asked.")
    if _METHOD not in about.code_challenge_methods_supported:
        raise LoginError(
            f"{shown_as(about.issuer)} does not say that it checks who comes back with an answer "
            f"(PKCE with {_METHOD}), so nobody is sent there."
        )
    return about.authorization_endpoint


def _scopes(
    login: PersonLogin, whose: Whose, about: AuthorizationServer, known: ConsentInfo | None
) -> tuple[str, ...]:
    """Return what is asked for: what is written, else all that was wanted so far."""
    if login.scopes is not None:
        return login.scopes
    before = [*known.scopes, *known.wanted_scopes] if known else []
    offline = [OFFLINE] if OFFLINE in (about.scopes_supported or ()) else []
    return tuple(dict.fromkeys([*before, *whose.scopes, *offline]))


def _address(endpoint: str, asked: Asked, state: str) -> str:
    digest = hashlib.sha256(asked.verifier.encode()).digest()
    parameters = {
        "response_type": "code",
        "client_id": asked.client.id or "",
        "redirect_uri": asked.redirect_uri,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": _METHOD,
        "resource": asked.resource,
    }
    if asked.scopes:
        parameters["scope"] = " ".join(asked.scopes)
    if OFFLINE in asked.scopes:
        parameters["prompt"] = "consent"  # OpenID Connect wants it said
    divider = "&" if urlsplit(endpoint).query else "?"
    return f"{endpoint}{divider}{urlencode(parameters)}"


def _check_issuer(answer: ConsentAnswer, asked: Asked) -> None:
    """Check who answers (RFC 9207, RFC 9700 4.4): another one could want our code for himself.

    Raises:
        ConsentError: It is not whom we asked, or cannot be told although it should.
    """
    if answer.came_to != asked.redirect_uri:
        raise ConsentError(
            f"{shown_as(asked.issuer)} was asked, and the answer came to where others answer, so "
            "it was not used."
        )
    if answer.iss == asked.issuer or (answer.iss is None and not asked.names_itself):
        return
    raise ConsentError(
        f"{shown_as(asked.issuer)} was asked, and the answer "
        + ("does not say who gives it" if answer.iss is None else "is somebody else's")
        + ", so it was not used."
    )


def _said(error: str | None) -> str:
    known = error is not None and error.replace("_", "").isalpha() and error.isascii()
    return f" ({(error or '')[:50]})" if known else ""


def _nobody(name: str) -> NotFoundError:
    return NotFoundError(
        f"Nobody has agreed to the MCP server '{name}' yet. Somebody with 'mcp:manage' can: "
        f"millwright mcp login {name}."
    )
