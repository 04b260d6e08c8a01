"""The default catalogue: functions that every definition can call without declaring them."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from foundation.json import JsonObject
from workflows.definition.approval import ApprovalArguments
from workflows.definition.arguments import Arguments, Computed
from workflows.definition.elicitation import ElicitationArguments
from workflows.definition.models.base import Given, JsonMap
from workflows.definition.notify import NotifyArguments


class McpToolArguments(Arguments):
    """A tool of an MCP server that is registered with the ToolHub.

    Attributes:
        sha256: The very tool that is meant, as the registry shows it.
        elicitation: Who answers what the tool asks.
    """

    server: str = Field(min_length=1)
    tool: str = Field(min_length=1)
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-f]{64}$")] = None
    arguments: Computed[JsonMap] = Field(default_factory=JsonObject)
    elicitation: Given[ElicitationArguments] = None


CATALOG: Final[Mapping[str, type[Arguments]]] = {
    "approval": ApprovalArguments,
    "mcp.tool": McpToolArguments,
    "notify": NotifyArguments,
}
