"""Which form of a definition a request sends, and which one it wants back."""

from typing import Final

from fastapi import Request
from starlette.exceptions import HTTPException

from api.workflows.schemas import MEDIA_TYPES

_JSON: Final = frozenset({"application/json", "application/*", "*/*"})
_YAML: Final = frozenset(MEDIA_TYPES) - {"application/json", "text/plain"}


async def definition_text(request: Request) -> bytes:
    """Read the body as it was sent: line numbers in findings are those of the author's file.

    Raises:
        HTTPException: 415 for a media type that is neither YAML nor JSON.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type and media_type not in MEDIA_TYPES:
        detail = f"Send the definition as one of {', '.join(MEDIA_TYPES)}."
        raise HTTPException(415, detail)
    return await request.body()


def wants_yaml(accept: str) -> bool:
    """Tell whether an Accept header prefers YAML to JSON."""
    yaml, json = 0.0, 0.0
    for part in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        if media_type in _YAML:
            yaml = max(yaml, quality)
        elif media_type in _JSON:
            json = max(json, quality if media_type == "application/json" else quality / 2)
    return yaml > json


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
