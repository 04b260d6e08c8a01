"""What may be asked without logging in. Every other route declares a permission."""

from typing import Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from api.dependencies import PermissionCheck

# (method, path) as the route declares them.
PUBLIC_ROUTES: Final = frozenset(
    {
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/.well-known/jwks.json"),
        ("POST", "/api/v1/auth/login"),
        ("POST", "/api/v1/auth/refresh"),
        # The signed link in the request says who is asking, and may decide one thing once.
        ("GET", "/decide"),
        ("POST", "/decide"),
        # MCP: asks for a token as its clients expect it, and for a permission with each tool.
        ("POST", "/mcp"),
        # How to log in there; it names no tenant.
        ("GET", "/.well-known/oauth-protected-resource"),
        ("GET", "/.well-known/oauth-protected-resource/mcp"),
        # Whoever comes back from agreeing brings a secret that only he was given, good for once.
        ("GET", "/api/v1/mcp/oauth/callback"),
        ("GET", "/api/v1/mcp/oauth/callback/{issuer}"),
        # Who we are, for authorization servers; it names no tenant.
        ("GET", "/api/v1/mcp/oauth/client-metadata.json"),
        # The description of the API holds no tenant's data.
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
    }
)


def routes(app: FastAPI) -> dict[tuple[str, str], str | None]:
    """List every (method, path) and the permission it declares."""
    found: dict[tuple[str, str], str | None] = {}
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        permission = _permission(dependant) if dependant else None
        # HEAD is the GET of the same route.
        for method in (getattr(route, "methods", None) or {"ANY"}) - {"HEAD"}:
            found[(method, str(getattr(route, "path", "?")))] = permission
    return found


def undeclared_routes(app: FastAPI) -> list[str]:
    """Name the routes anybody could use without a decision that anybody may."""
    return [
        f"{method} {path}"
        for (method, path), permission in routes(app).items()
        if permission is None and (method, path) not in PUBLIC_ROUTES
    ]


def _permission(dependant: Dependant) -> str | None:
    if isinstance(dependant.call, PermissionCheck):
        return dependant.call.permission
    return next(filter(None, map(_permission, dependant.dependencies)), None)
