from tests.api.conftest import admin, app, egress, services
from tests.instances.conftest import floor, principal, shelf, working

__all__ = [
    "admin",
    "app",
    "egress",
    "floor",
    "principal",
    "services",
    "shelf",
    "working",
]
