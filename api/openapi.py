"""What the description of the API says about every route alike: errors are problems."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field


class ProblemDetails(BaseModel):
    """An error (RFC 9457). Further members depend on the type."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:millwright:problem:not-found"])
    title: str
    status: int
    detail: str
    instance: str


_PROBLEM: Final = {
    "description": "What went wrong, as a problem.",
    "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    },
}
# FastAPI documents its own shape of validation errors, which we do not send.
_NOT_OURS: Final = ("HTTPValidationError", "ValidationError")


def with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Let every operation answer with a problem by default, in place."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _NOT_OURS:
        schemas.pop(name, None)
    schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            responses.pop("422", None)
            responses.setdefault("default", _PROBLEM)
    return document
