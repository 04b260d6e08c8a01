"""Asking a server, once and by the person who registers it, whose tokens it takes.

What is found is sealed with the credential. From then on a server that names another authorization
server, or that somebody else answers for, does not get the client's secret sent there.
"""

from collections.abc import Mapping

from security.egress import Egress
from toolhub.credentials import Credentials, person_login, token_login
from toolhub.directory import destination
from toolhub.errors import RegistrationError
from toolhub.logins.metadata import check_safe
from toolhub.logins.whose import Wanted, Whose, ask_whose, in_words
from toolhub.models import McpServer
from toolhub.schemas import ClientCredential, Credential, Dialect, PersonCredential
from toolhub.wire.exchange import Destination, Wire


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
        match credential:
            case ClientCredential():
                await self._settle_client(server, credential, ask=ask)
            case PersonCredential():
                await self._settle_person(server, credential, ask=ask)
            case _:
                pass  # the others are complete

    async def _settle_client(
        self, server: McpServer, credential: ClientCredential, *, ask: bool
    ) -> None:
        to = destination(server, self._credentials.open(server))
        await _check(to, credential.issuer, credential.token_endpoint)
        if credential.token_endpoint is not None:
            return
        if not ask or not Dialect(server.dialect).speaks_mcp:
            if credential.issuer is None:
                raise _not_asked(server, "'issuer' or 'token_endpoint'")
            return
        scopes = None if credential.scopes is None else tuple(credential.scopes)
        whose = await self._whose(
            server, to, Wanted(credential.issuer, credential.resource, scopes)
        )
        login = token_login(credential, to.endpoint)
        found = {"issuer": whose.issuer, "resource": whose.resource, "scopes": whose.scopes}
        self._credentials.attach_login(server, login.model_copy(update=found))

    async def _settle_person(
        self, server: McpServer, credential: PersonCredential, *, ask: bool
    ) -> None:
        """A client that is known belongs to one authorization server; any may get to know us."""
        if not Dialect(server.dialect).speaks_mcp:
            raise RegistrationError(
                f"A server that speaks '{server.dialect}' does not say whose tokens it takes, so "
                "nobody can be asked to agree. Choose another kind of credential."
            )
        to = destination(server, self._credentials.open(server))
        await _check(to, credential.issuer)
        if credential.client_id is None or credential.issuer is not None:
            return
        if not ask:
            raise _not_asked(server, "'issuer'")
        login = person_login(credential)
        whose = await self._whose(server, to, Wanted(None, login.resource, login.scopes))
        self._credentials.attach_person(server, login.model_copy(update={"issuer": whose.issuer}))

    async def _whose(self, server: McpServer, to: Destination, wanted: Wanted) -> Whose:
        async with in_words(to):
            way = await self._egress.of(server.tenant_id)
            return await ask_whose(way, self._wires[Dialect(server.dialect)], to, wanted)


async def _check(to: Destination, *named: str | None) -> None:
    async with in_words(to):
        for each in named:
            if each is not None:
                check_safe(each, like=to.endpoint, shown="The credential")


def _not_asked(server: McpServer, what: str) -> RegistrationError:
    return RegistrationError(
        f"The MCP server '{server.name}' is not asked whose tokens it takes: write {what} to the "
        "credential."
    )
