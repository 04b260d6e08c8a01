"""What happens to data around a task: schemas and filters. Strings in `from` and `as` are jq."""

from typing import Annotated, Self, TypeAlias

from pydantic import Tag, model_validator

from workflows.definition.models.base import (
    OBJECT,
    TEXT,
    Given,
    Json,
    JsonMap,
    Model,
    choice,
    exactly_one,
)
from workflows.definition.models.values import ExternalResource

Shape: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[JsonMap, Tag(OBJECT)],
    choice("an expression", "an object"),
]


class SchemaSpec(Model):
    """A JSON Schema, here or elsewhere."""

    format: str = "json"
    document: Json = None
    resource: Given[ExternalResource] = None

    @model_validator(mode="after")
    def _here_or_elsewhere(self) -> Self:
        exactly_one(self, "document", "resource")
        return self


class InputFilter(Model):
    """What comes in: checked first, then reshaped."""

    schema_: Given[SchemaSpec] = None
    from_: Given[Shape] = None


class OutputFilter(Model):
    """What goes out: reshaped first, then checked."""

    schema_: Given[SchemaSpec] = None
    as_: Given[Shape] = None


class ExportFilter(Model):
    """What becomes the context: reshaped first, then checked."""

    schema_: Given[SchemaSpec] = None
    as_: Given[Shape] = None
