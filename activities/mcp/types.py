"""What crosses the wire for `call: mcp.tool` and `call: mcp`. Fields are added, never renamed."""

from pydantic import BaseModel

from activities.http.types import Login
from foundation.json import JsonObject


class McpCall(BaseModel, frozen=True):
    """One call of a tool of a registered server."""

    tenant_id: str
    server: str
    tool: str
    arguments: JsonObject = {}
    timeout_s: float = 60.0


class McpRequest(BaseModel, frozen=True):
    """One request to an MCP server by its address.

    Attributes:
        method: `tools/call`, `resources/read`, ...
        parameters: The request's `params`.
        protocol_version: The oldest revision the definition expects; newer ones are negotiated.
    """

    tenant_id: str
    uri: str
    login: Login | None = None
    headers: dict[str, str] = {}
    method: str
    parameters: JsonObject = {}
    protocol_version: str | None = None
    client_name: str | None = None
    client_version: str | None = None
    timeout_s: float = 60.0
