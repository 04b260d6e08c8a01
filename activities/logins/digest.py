"""Digest authentication (RFC 7616): httpx2 does it; here is what it does not say politely."""

from collections.abc import Generator

import httpx2
from typing_extensions import override

from activities.logins.types import DigestLogin
from security.authority.errors import LoginRefusedError


class Digest(httpx2.Auth):
    """Answers the challenge of one request."""

    def __init__(self, login: DigestLogin) -> None:
        self._digest = httpx2.DigestAuth(login.username, login.secret)

    @override
    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        try:
            yield from self._digest.auth_flow(request)
        except (httpx2.ProtocolError, NotImplementedError, ValueError) as error:
            raise LoginRefusedError(
                f"{request.url.host} asks for digest authentication in a way that cannot be "
                f"answered: an unknown algorithm, 'auth-int' alone, or a malformed challenge."
            ) from error
