"""What routes ask for: the caller, if permitted, and the services. Nothing here knows a resource.

@router.get("/things")
async def list_things(
    principal: Annotated[Principal, require("workflow:read")], parts: ServicesDep
) -> ThingPage: ...
"""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from api.services import Services
from foundation.errors import UnauthenticatedError
from security.permissions import PERMISSIONS
from security.principal import Principal
from security.tokens import AccessTokens, UnknownKeyError

BEARER = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="Access token of `POST /api/v1/auth/login`."
)


def services(request: Request) -> Services:
    """Return the parts of this process. As a parameter of a route, take `ServicesDep`."""
    return cast(Services, request.app.state.services)


async def _services(request: Request) -> Services:
    # Async, because FastAPI sends a plain function to a thread: more work than the look-up itself.
    return services(request)


ServicesDep = Annotated[Services, Depends(_services)]


@dataclass(frozen=True)
class PermissionCheck:
    """Dependency that yields the caller when the access token is good and gives `permission`."""

    permission: str

    async def __call__(
        self,
        parts: ServicesDep,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)],
    ) -> Principal:
        """Tell who is calling.

        Raises:
            UnauthenticatedError: Without a good access token.
            ForbiddenError: When the caller lacks the permission.
        """
        principal = await signed_in(parts, credentials)
        principal.require(self.permission)
        return principal


async def signed_in(parts: Services, credentials: HTTPAuthorizationCredentials | None) -> Principal:
    """Tell who is calling, whatever he may do.

    Raises:
        UnauthenticatedError: Without a good access token.
    """
    if credentials is None:
        raise UnauthenticatedError(
            "This needs an access token: 'Authorization: Bearer <token>'. "
            "Get one from POST /api/v1/auth/login."
        )
    return await _verify(parts.tokens, credentials.credentials)


async def _verify(tokens: AccessTokens, token: str) -> Principal:
    try:
        return tokens.verify(token)
    except UnknownKeyError:
        # Another process may have made a key since we read them. That reads the database.
        await run_in_threadpool(tokens.keys.refresh)
        return tokens.verify(token)


def require(permission: str) -> Dependency:
    """Declare the permission a route needs; the parameter becomes the `Principal`.

    Raises:
        KeyError: When there is no such permission, as soon as the route is defined.
    """
    if permission not in PERMISSIONS:
        raise KeyError(f"There is no permission '{permission}'; see security.permissions.")
    return cast(Dependency, Depends(PermissionCheck(permission)))
