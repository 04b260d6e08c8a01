import pytest
from fastapi import APIRouter, FastAPI

from api import app as application
from api.app import create_app
from api.dependencies import require
from api.public import PUBLIC_ROUTES, routes, undeclared_routes
from api.services import Services
from security.permissions import PERMISSIONS

pytestmark = pytest.mark.anyio


async def test_every_route_declares_a_permission_or_is_public(app: FastAPI) -> None:
    assert undeclared_routes(app) == []


async def test_every_declared_permission_exists(app: FastAPI) -> None:
    assert {permission for permission in routes(app).values() if permission} <= PERMISSIONS.keys()


async def test_every_public_route_exists_and_asks_for_no_permission(app: FastAPI) -> None:
    found = routes(app)
    assert {route for route, permission in found.items() if permission is None} == PUBLIC_ROUTES


async def test_an_application_with_an_undeclared_route_is_not_built(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_door = APIRouter()

    @open_door.get("/api/v1/passwords")
    async def read_passwords() -> None: ...

    monkeypatch.setattr(application, "ROUTERS", (*application.ROUTERS, open_door))
    with pytest.raises(RuntimeError, match="GET /api/v1/passwords"):
        create_app(services, services.settings)


def test_a_route_cannot_ask_for_a_permission_that_does_not_exist() -> None:
    with pytest.raises(KeyError, match="workflow:reed"):
        require("workflow:reed")


async def test_operations_are_named_after_their_functions_and_each_name_is_used_once(
    app: FastAPI,
) -> None:
    paths = app.openapi()["paths"].values()
    names = [operation["operationId"] for path in paths for operation in path.values()]
    assert {"login", "refresh", "get_me", "healthz", "readyz"} <= set(names)
    assert len(names) == len(set(names))


async def test_routes_behind_a_permission_are_described_with_the_bearer_scheme(
    app: FastAPI,
) -> None:
    described = app.openapi()["paths"]
    for (method, path), permission in routes(app).items():
        if permission:
            assert described[path][method.lower()]["security"] == [{"HTTPBearer": []}]
