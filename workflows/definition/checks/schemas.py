"""JSON Schemas of inputs, outputs and contexts: they compile, and they are all here."""

from collections.abc import Iterator
from typing import Final

from foundation.json import canonical
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Path, Problem, shown
from workflows.definition.models import SchemaSpec
from workflows.definition.schemas import InvalidSchemaError, compile_schema

# All schemas of one definition together.
MAX_TOTAL_BYTES: Final = 64 * 1024


def check_schemas(subject: Subject) -> Iterator[Problem]:
    """Compile every schema."""
    total = 0
    for field in subject.fields:
        if not isinstance(field.value, SchemaSpec):
            continue
        total += len(canonical(field.value.document))
        if total > MAX_TOTAL_BYTES:
            message = (
                f"The schemas of this definition have more than {MAX_TOTAL_BYTES:,} bytes "
                "together. Make them smaller."
            )
            yield Problem(Code.INVALID_SCHEMA, field.path, message)
            return
        yield from _check_schema(field.path, field.value)


def _check_schema(path: Path, schema: SchemaSpec) -> Iterator[Problem]:
    if schema.format != "json":
        message = f"Schemas in the format {shown(schema.format)} are not supported. Use 'json'."
        yield Problem(Code.INVALID_SCHEMA, (*path, "format"), message)
        return
    if schema.resource is not None:
        return  # not fetched yet; once it is, it stands here
    try:
        compile_schema(schema.document)
    except InvalidSchemaError as error:
        message = f"This schema cannot be used: {error}"
        yield Problem(Code.INVALID_SCHEMA, (*path, "document", *error.path), message)
