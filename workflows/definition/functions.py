"""The default catalogue: functions that every definition can call without declaring them."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from foundation.json import JsonObject
from workflows.definition.models.base import JsonMap


class Arguments(BaseModel):
    """Base of what functions take. Any value may be an expression until it is evaluated."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class McpToolArguments(Arguments):
    """A tool of an MCP server that is registered with the ToolHub."""

    server: str = Field(min_length=1)
    tool: str = Field(min_length=1)
    arguments: JsonMap = Field(default_factory=JsonObject)


CATALOG: Final[Mapping[str, type[Arguments]]] = {"mcp.tool": McpToolArguments}
