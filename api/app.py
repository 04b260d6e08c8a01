"""Build the application from its parts."""

from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from typing_extensions import override

from api import health, problems
from api.approvals import routes as approvals
from api.auth import routes as auth
from api.content import refuse_unstorable
from api.decisions import routes as decisions
from api.egress import routes as egress
from api.events import routes as events
from api.features import routes as features
from api.functions import routes as functions
from api.instances import routes as instances
from api.mcp import consents
from api.mcp import routes as mcp
from api.middleware import BodyLimit, RequestContext
from api.openapi import with_problems
from api.public import undeclared_routes
from api.schedules import routes as schedules
from api.secrets import routes as secrets
from api.services import Services
from api.tracing import RequestSpans
from api.virtual import routes as virtual
from api.virtual.server import VirtualServer
from api.workflows import routes as workflows
from foundation.settings import Settings
from foundation.telemetry import OFF, Telemetry

_DESCRIPTION = """
Durable workflows for the factory floor, on Temporal.

Log in with `POST /api/v1/auth/login` and send `Authorization: Bearer <access token>`. Every error
is a problem (RFC 9457, `application/problem+json`); quote its `X-Request-ID` when you report one.
"""

# The first match answers: `/workflows/instances/...` before `/workflows/{namespace}/...`.
ROUTERS = (
    health.router,
    auth.keys_router,
    auth.router,
    instances.router,
    workflows.router,
    functions.router,
    schedules.router,
    events.router,
    approvals.router,
    decisions.router,
    secrets.router,
    features.router,
    egress.router,
    mcp.router,
    consents.router,
    virtual.router,
)


class Api(FastAPI):
    """FastAPI whose description knows that errors are problems."""

    @override
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = with_problems(super().openapi())
        return self.openapi_schema


def operation_id(route: APIRoute) -> str:
    """Name operations after our functions: `start_instance`, not `start_instance_api_v1_...`."""
    return route.name


def create_app(services: Services, settings: Settings, telemetry: Telemetry = OFF) -> FastAPI:
    """Build the application of one process.

    Raises:
        RuntimeError: When a route neither declares a permission nor is listed as public.
    """
    app = Api(
        title="Millwright",
        version=version("millwright"),
        description=_DESCRIPTION,
        generate_unique_id_function=operation_id,
        dependencies=[Depends(refuse_unstorable)],
        redirect_slashes=False,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    app.state.services = services
    app.state.virtual = VirtualServer(services, app.version)
    for router in ROUTERS:
        app.include_router(router)
    problems.install(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, max_bytes=settings.api.max_body_bytes)
    app.add_middleware(RequestContext)
    if telemetry.on:
        app.add_middleware(RequestSpans, telemetry=telemetry)
    if undeclared := undeclared_routes(app):
        raise RuntimeError(
            f"Neither a permission nor in api.public.PUBLIC_ROUTES: {', '.join(undeclared)}."
        )
    return app
