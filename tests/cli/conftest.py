from tests.api.conftest import admin, app, egress, services

__all__ = ["admin", "app", "egress", "services"]
