"""JSON Schemas that definitions carry: compiled in one way, with nothing fetched from anywhere."""

from collections.abc import Sequence
from threading import Lock
from typing import Final

import jsonschema_rs
from cachetools import LRUCache, cached

from foundation.json import JsonObject, JsonValue, canonical, digest
from foundation.schema_cost import Graph, SchemaRefusedError

# Judging what a schema may cost takes up to a second for this much.
MAX_SCHEMA_BYTES: Final = 32 * 1024
# Of the spots on one way down through a value. A plain recursive schema stays far below; branches
# that multiply do not.
MAX_EVALUATIONS: Final = 10_000
# Linear-time patterns: no look-around, no back-references, no pattern that blocks a worker.
# The size keeps a short pattern such as \p{L}{500} from taking seconds to compile.
_PATTERNS: Final = jsonschema_rs.RegexOptions(size_limit=256 * 1024)
_KEPT: Final = 1024
_MESSAGE_CHARS: Final = 300


class InvalidSchemaError(ValueError):
    """It is not a schema, refers to something outside itself, or is too large or too costly.

    Attributes:
        path: Which part of it, as far as that is known.
    """

    def __init__(self, message: str, path: Sequence[str | int] = ()) -> None:
        super().__init__(message)
        self.path = tuple(path)


def compile_schema(document: JsonValue) -> jsonschema_rs.Validator:
    """Compile a JSON Schema (2020-12 unless its `$schema` says otherwise).

    Raises:
        InvalidSchemaError: When it cannot be used.
    """
    match document:
        case dict() | bool() as schema:
            return _compile(schema)
        case _:
            raise InvalidSchemaError("A JSON Schema must be an object.")


@cached(LRUCache(_KEPT), key=digest, lock=Lock())
def _compile(document: JsonObject | bool) -> jsonschema_rs.Validator:
    if (size := len(canonical(document))) > MAX_SCHEMA_BYTES:
        message = f"The schema has {size:,} bytes; {MAX_SCHEMA_BYTES:,} are allowed."
        raise InvalidSchemaError(message)
    try:
        validator = jsonschema_rs.validator_for(document, offline=True, pattern_options=_PATTERNS)
    except jsonschema_rs.ValidationError as error:
        message = f"{error.message[:_MESSAGE_CHARS]}."
        raise InvalidSchemaError(message, error.instance_path) from error
    except jsonschema_rs.ReferencingError as error:
        raise InvalidSchemaError(f"{str(error)[:_MESSAGE_CHARS]}.") from error
    _refuse_endless(document)
    return validator


def _refuse_endless(document: JsonObject | bool) -> None:
    try:
        evaluations = Graph(document).evaluations()[-1]
    except SchemaRefusedError as error:
        raise InvalidSchemaError(f"{error}.") from error
    if evaluations > MAX_EVALUATIONS:
        raise InvalidSchemaError(
            "Checking a value against it could take too long: its branches (anyOf, $ref, ...) "
            "multiply. Make it flatter."
        )
