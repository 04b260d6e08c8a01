"""Asking a server, once and by the person who registers it, whose tokens it takes.

What is found is sealed with the credential. From then on a server that names another authorization
server, or that somebody else answers for, does not get the client's secret sent there.
"""

from collections.abc import Mapping

from security.egress import Egress
from toolhub.credentials import Credentials, token_login
from toolhub.directory import destination
from toolhub.errors import RegistrationError
from toolhub.logins.metadata import check_safe
from toolhub.logins.whose import Wanted, ask_whose, in_words
from toolhub.models import McpServer
from toolhub.schemas import ClientCredential, Credential, Dialect, PersonCredential
from toolhub.wire.exchange import Wire


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
        if isinstance(credential, PersonCredential) and not Dialect(server.dialect).speaks_mcp:
            raise RegistrationError(
                f"A server that speaks '{server.dialect}' does not say whose tokens it takes, so "
                "nobody can be asked to agree. Choose another kind of credential."
            )
        if not isinstance(credential, ClientCredential):
            return
        to = destination(server, self._credentials.open(server))
        async with in_words(to):
            for named in (credential.issuer, credential.token_endpoint):
                if named is not None:
                    check_safe(named, like=to.endpoint, shown="The credential")
        if credential.token_endpoint is not None:
            return
        if not ask or not Dialect(server.dialect).speaks_mcp:
            if credential.issuer is None:
                raise RegistrationError(
                    f"The MCP server '{server.name}' is not asked whose tokens it takes: write "
                    "'issuer' or 'token_endpoint' to the credential."
                )
            return
        scopes = None if credential.scopes is None else tuple(credential.scopes)
        wanted = Wanted(credential.issuer, credential.resource, scopes)
        wire = self._wires[Dialect(server.dialect)]
        async with in_words(to):
            way = await self._egress.of(server.tenant_id)
            whose = await ask_whose(way, wire, to, wanted)
        login = token_login(credential, to.endpoint)
        found = {"issuer": whose.issuer, "resource": whose.resource, "scopes": whose.scopes}
        self._credentials.attach_login(server, login.model_copy(update=found))
