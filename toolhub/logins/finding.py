"""Asking a server, once and by the person who registers it, whose tokens it takes.

What is found is sealed with the credential. From then on a server that names another authorization
server, or that somebody else answers for, does not get the client's secret sent there.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from foundation.errors import MillwrightError
from security.authority.errors import AuthorityAwayError, IssuerError, LoginError
from security.egress import Egress
from toolhub.credentials import Credentials, token_login
from toolhub.directory import destination
from toolhub.errors import RegistrationError
from toolhub.failures import Attempt, failure
from toolhub.logins.challenges import challenge_of
from toolhub.logins.metadata import Resource, resource_at
from toolhub.logins.types import TokenLogin
from toolhub.models import McpServer
from toolhub.outcome import Kind, classify
from toolhub.schemas import ClientCredential, Credential, Dialect
from toolhub.wire.exchange import Destination, Exchange, Message, Wire

_ASK_S: Final = 15.0
# Asking the server, and reading up to three places.
_WHOLE_S: Final = 40.0
_MAX_BYTES: Final = 1024 * 1024
_UNSEEN: Final = frozenset({Kind.NOT_ALLOWED, Kind.UNREACHABLE})


class Finding:
    """Completes credentials that leave out what servers say.

    Args:
        egress: The way to what servers name.
        credentials: Keeps what was found.
        wires: The adapter of each dialect, without logging in.
    """

    def __init__(
        self, egress: Egress, credentials: Credentials, wires: Mapping[Dialect, Wire]
    ) -> None:
        self._egress = egress
        self._credentials = credentials
        self._wires = wires

    async def settle(self, server: McpServer, credential: Credential | None, *, ask: bool) -> None:
        """Put what a server says of its tokens to its new credential.

        Args:
            server: Its row; the credential is attached already.
            credential: The new one, if there is one.
            ask: It may be asked.

        Raises:
            RegistrationError: It is not to be asked, and has to be.
            CallError: It does not say it, or not what it has to be.
        """
        if not isinstance(credential, ClientCredential) or credential.token_endpoint is not None:
            return
        if not ask or not Dialect(server.dialect).speaks_mcp:
            if credential.issuer is None:
                raise RegistrationError(
                    f"The MCP server '{server.name}' is not asked whose tokens it takes: write "
                    "'issuer' or 'token_endpoint' to the credential."
                )
            return
        to = destination(server, self._credentials.open(server))
        try:
            async with asyncio.timeout(_WHOLE_S):
                login = await self._found(to, server, credential)
        except TimeoutError:
            raise _failed(to, _late(to)) from None
        except MillwrightError as error:
            raise _failed(to, error) from error
        self._credentials.attach_login(server, login)

    async def _found(
        self, to: Destination, server: McpServer, credential: ClientCredential
    ) -> TokenLogin:
        bare = Destination(label=to.label, endpoint=to.endpoint)
        message = Message(method="tools/list", params={}, timeout_s=_ASK_S, max_bytes=_MAX_BYTES)
        exchange = await self._wires[Dialect(server.dialect)].send(bare, message)
        outcome = classify(exchange, repeatable=True)
        if outcome.kind in _UNSEEN:
            raise failure(_attempt(to), outcome, exchange)
        challenge = challenge_of(exchange.www_authenticate)
        resource = await resource_at(self._egress, to.endpoint, challenge.resource_metadata)
        scopes = challenge.scopes
        if scopes is None and resource is not None:
            scopes = resource.scopes_supported
        login = token_login(credential, to.endpoint)
        found: dict[str, object] = {"issuer": _issuer(credential.issuer, resource)}
        if credential.resource is None and resource is not None:
            found["resource"] = resource.resource
        if credential.scopes is None:
            found["scopes"] = scopes or ()
        return login.model_copy(update=found)


def _issuer(given: str | None, resource: Resource | None) -> str:
    named = resource.authorization_servers if resource else ()
    if given is not None:
        if resource is not None and given not in named:
            raise IssuerError(
                f"It does not take tokens of {given[:200]!a}. It names: {_listed(named)}. An "
                "issuer has to be written to the letter."
            )
        return given
    if len(named) != 1:
        what = f"several: {_listed(named)}" if named else "none"
        raise LoginError(
            f"Of authorization servers whose tokens it takes it names {what}. Write 'issuer' or "
            "'token_endpoint' to the credential."
        )
    return named[0]


def _listed(issuers: tuple[str, ...]) -> str:
    return ", ".join(issuers)[:300]


def _attempt(to: Destination) -> Attempt:
    return Attempt(to, "its tools", _ASK_S, repeatable=True)


def _late(to: Destination) -> AuthorityAwayError:
    return AuthorityAwayError(f"'{to.label}' does not say in time whose tokens it takes.")


def _failed(to: Destination, error: MillwrightError) -> MillwrightError:
    exchange = Exchange(fault=error)
    outcome = classify(exchange, repeatable=True)
    if outcome.kind is Kind.NOT_MCP:
        return error  # it has words of its own
    return failure(_attempt(to), outcome, exchange)
