"""JSON as a type, and its one canonical spelling for hashes."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

# Pydantic's own alias is the one recursive type that its models resolve wherever they are.
from pydantic import JsonValue as JsonValue  # noqa: PLC0414 - exported from here

JsonScalar: TypeAlias = str | int | float | bool | None
JsonObject: TypeAlias = dict[str, JsonValue]
# What a function may take when it only reads: also tuples and mapping proxies.
ReadableJson: TypeAlias = "JsonScalar | Sequence[ReadableJson] | Mapping[str, ReadableJson]"


def canonical(value: ReadableJson) -> bytes:
    """Spell a value in one way only: sorted keys, no spaces, UTF-8.

    Raises:
        ValueError: For NaN and infinities, which JSON does not have.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(value: ReadableJson) -> str:
    """Content hash of a value: hexadecimal SHA-256 of its canonical spelling."""
    return hashlib.sha256(canonical(value)).hexdigest()
