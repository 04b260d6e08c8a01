"""What may not be used by whoever publishes, as the checks of definitions want it."""

from typing import Final

from security.features.service import Features
from security.principal import Principal
from workflows.definition.off import MCP_PROGRAMS, Off

_PERMISSION: Final = "mcp:programs"
_NOT_FOR_ALL: Final = (
    "An MCP server over stdio is a program on this installation's machines, and publishing what "
    f"calls one needs the permission '{_PERMISSION}'. Ask an administrator to publish this, or to "
    "register the server; then use 'call: mcp.tool'."
)


def off_of(features: Features, principal: Principal) -> Off:
    """Ask what is off at this moment for a tenant and whoever publishes for it; in a thread."""
    off = features.off(principal.tenant_id)
    if _PERMISSION not in principal.permissions:
        off[MCP_PROGRAMS] = _NOT_FOR_ALL
    return Off(off, features.image_refusal(principal.tenant_id))
