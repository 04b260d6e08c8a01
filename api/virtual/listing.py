"""What a caller sees at `/mcp`: tools first, then workflows, page by page.

Descriptions and schemas of tools are those that were accepted (`toolhub.pinning`); a tool in
quarantine is not shown, nor one whose schema cannot be used.
"""

from collections.abc import Callable
from typing import Final

import structlog
from anyio import to_thread
from mcp.types import methods
from pydantic import ValidationError

from api.services import Services
from api.virtual.faults import COMPLETE
from api.virtual.naming import tool_name, workflow_name
from foundation.errors import InvalidInputError
from foundation.json import JsonObject, JsonValue
from security.principal import Principal
from toolhub.schemas import ToolInfo
from workflows.catalog.schemas import DefinitionSummary, PublishedDefinition

log = structlog.get_logger(__name__)

PAGE: Final = 50
_PARAM_HEADER: Final = "x-mcp-header"


class Listing:
    """Lists what a caller may call."""

    def __init__(self, parts: Services) -> None:
        self._parts = parts
        self._kinds: dict[str, tuple[str, Callable[[Principal, str | None], _Found]]] = {
            "tools": ("mcp:call", self._tools),
            "workflows": ("workflow:execute", self._workflows),
        }

    async def page(self, principal: Principal, cursor: str | None, version: str) -> JsonObject:
        """Return one page.

        Args:
            cursor: `nextCursor` of the page before.
            version: Revision of the protocol; what it has no form for is left out.

        Raises:
            InvalidInputError: The cursor is none of ours.
        """
        kind, _, token = (cursor or "tools:").partition(":")
        if kind not in self._kinds:
            raise InvalidInputError("The cursor is none of this list. Begin without one.")
        permission, read = self._kinds[kind]
        items: list[JsonObject] = []
        after: str | None = None
        if permission in principal.permissions:
            items, after = await to_thread.run_sync(read, principal, token or None)
        tools = [tool for item in items if (tool := formed(item, version)) is not None]
        page: JsonObject = {**COMPLETE, "tools": [*tools]}
        if (following := _following(kind, after)) is not None:
            page["nextCursor"] = following
        return page

    def _tools(self, principal: Principal, token: str | None) -> "_Found":
        found = self._parts.registry.find_tools(
            principal.tenant_id, callable_only=True, page_size=PAGE, page_token=token
        )
        return [_of_tool(tool) for tool in found.items], found.next_page_token

    def _workflows(self, principal: Principal, token: str | None) -> "_Found":
        catalog, tenant_id = self._parts.catalog, principal.tenant_id
        found = catalog.list(tenant_id, page_size=PAGE, page_token=token)
        definitions = (
            catalog.get(tenant_id, item.namespace, item.name, item.version) for item in found.items
        )
        tools = [tool for each in definitions if (tool := _of_workflow(each)) is not None]
        return tools, found.next_page_token


_Found = tuple[list[JsonObject], str | None]


def takes(definition: PublishedDefinition) -> JsonObject | None:
    """Return what a workflow takes, as the input schema of a tool; None when it is none.

    A workflow is a tool when it says what it takes and that can be an object, as arguments are.
    """
    match definition.document:
        case {"input": {"schema": {"document": dict() as schema}}}:
            kinds = schema.get("type", "object")
            if kinds == "object" or (isinstance(kinds, list) and "object" in kinds):
                return {**schema, "type": "object"}
            return None
        case _:
            return None


def formed(tool: JsonObject, version: str) -> JsonObject | None:
    """Return a tool as a revision of the protocol has it; None when it has no form for it.

    One tool that a revision cannot spell must not hide all others.
    """
    without = {key: value for key, value in tool.items() if key != "outputSchema"}
    bare = {key: value for key, value in without.items() if key != "annotations"}
    for form in (tool, without, bare):
        page: JsonObject = {**COMPLETE, "tools": [form], "ttlMs": 0, "cacheScope": "private"}
        try:
            methods.serialize_server_result("tools/list", version, page)
        except ValidationError:
            continue
        return form
    log.info("mcp_tool_not_listed", tool=tool["name"], protocol=version)
    return None


def _following(kind: str, after: str | None) -> str | None:
    if after is not None:
        return f"{kind}:{after}"
    return "workflows:" if kind == "tools" else None


def _of_tool(tool: ToolInfo) -> JsonObject:
    shown: JsonObject = {
        "name": tool_name(tool.server, tool.name),
        "inputSchema": _without_headers(tool.input_schema),
        "_meta": {"millwright/server": tool.server, "millwright/sha256": tool.sha256},
    }
    more: JsonObject = {
        "title": tool.title,
        "description": tool.description,
        "outputSchema": tool.output_schema,
        "annotations": tool.annotations or None,
    }
    return shown | {key: value for key, value in more.items() if value is not None}


def _of_workflow(definition: PublishedDefinition) -> JsonObject | None:
    schema = takes(definition)
    if schema is None:
        return None
    return {
        "name": workflow_name(definition.namespace, definition.name),
        "title": definition.title or definition.name,
        "description": described(definition),
        "inputSchema": schema,
        "_meta": {"millwright/version": definition.version},
    }


def described(definition: DefinitionSummary) -> str:
    """Say what a workflow is for."""
    known = definition.summary or definition.title
    return known or f"The workflow {definition.namespace}/{definition.name}."


def _without_headers(schema: JsonObject) -> JsonObject:
    """Leave out which arguments a server wants as headers too: the hub sends those itself."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    kept: dict[str, JsonValue] = {
        name: _without_headers({key: value for key, value in each.items() if key != _PARAM_HEADER})
        if isinstance(each, dict)
        else each
        for name, each in properties.items()
    }
    return {**schema, "properties": kept}
