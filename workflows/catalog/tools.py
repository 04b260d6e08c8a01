"""The registered tools of a tenant, as the checks of definitions ask for them."""

from functools import cache, partial
from typing import Protocol

from foundation.json import JsonObject
from toolhub.errors import ToolPinError, UnknownServerError, UnknownToolError
from toolhub.pinning.service import Drifts
from workflows.definition.tools import OtherToolError, Tools


class ToolsOfTenants(Protocol):
    """Whom a catalogue asks."""

    def of(self, tenant_id: str) -> Tools:
        """Return the tools of a tenant; what was asked once is not asked again."""
        ...


class RegisteredTools:
    """The tools in the registry; sync, call it from a thread."""

    def __init__(self, drifts: Drifts) -> None:
        self._drifts = drifts

    def of(self, tenant_id: str) -> Tools:
        """Return the tools of a tenant; what was asked once is not asked again."""
        return cache(partial(self._takes, tenant_id))

    def _takes(
        self, tenant_id: str, server: str, tool: str, sha256: str | None
    ) -> JsonObject | None:
        try:
            return self._drifts.takes(tenant_id, server, tool, sha256)
        except (UnknownServerError, UnknownToolError):
            return None  # it may be registered before the workflow runs
        except ToolPinError as error:
            raise OtherToolError(error.message) from error
