"""What a tool answered, as a workflow uses it."""

from foundation.json import JsonObject, JsonValue
from toolhub.schemas import ToolResult


def read(result: JsonObject) -> ToolResult:
    """Read the result of `tools/call`, which the wire has checked for its shape."""
    content = result.get("content")
    blocks: list[JsonValue] = content if isinstance(content, list) else []
    if "structuredContent" in result:
        structured = result["structuredContent"]
        return ToolResult(structured, blocks, structured, is_structured=True)
    return ToolResult(_only_text(blocks, otherwise=blocks), blocks)


def _only_text(blocks: list[JsonValue], *, otherwise: JsonValue) -> JsonValue:
    match blocks:
        case [{"type": "text", "text": str(text)}]:
            return text
        case _:
            return otherwise
