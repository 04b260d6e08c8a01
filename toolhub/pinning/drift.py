"""A tool before and after: every difference, and how grave the whole is."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import Final

from pydantic import BaseModel

from foundation.json import JsonObject, JsonValue, canonical
from toolhub.pinning.hashing import Described
from toolhub.pinning.schema_changes import SchemaChange, schema_changes
from toolhub.pinning.texts import shown, signs

MAX_CHANGES: Final = 100
_HINTS: Final = frozenset({"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"})
_POINTER_CHARS: Final = 300


class Drift(StrEnum):
    """How grave a change is; the later, the graver."""

    COSMETIC = "cosmetic"  # other words
    ADDITIVE = "additive"  # every call that was good still is
    BREAKING = "breaking"  # a call or a reader that was good may not be any more
    SUSPICIOUS = "suspicious"  # new instructions, addresses or characters that are not seen


_ORDER: Final = tuple(Drift)


class Change(BaseModel, frozen=True):
    """One difference, for a person: nothing in its texts is hidden.

    Attributes:
        pointer: JSON pointer into the tool, `/inputSchema/properties/path/type`.
        before: What it was, as shortened JSON; null when it was not there.
        after: What it is now; null when it is gone.
        why: What is the matter with it.
    """

    drift: Drift
    pointer: str
    before: str | None
    after: str | None
    why: str


def changes(before: Described, after: Described) -> list[Change]:
    """Return the differences of two versions of a tool, the gravest first."""
    found = [
        *_new_signs(before, after),
        *_words("/title", before.title, after.title),
        *_words("/description", before.description, after.description),
        *_input(before.input_schema, after.input_schema),
        *_output(before.output_schema, after.output_schema),
        *_annotations(before.annotations, after.annotations),
    ]
    found.sort(key=lambda change: -_ORDER.index(change.drift))
    return list(islice(found, MAX_CHANGES))


def gravest(found: list[Change]) -> Drift:
    """Judge the whole; what has no difference that can be named is cosmetic."""
    return max((change.drift for change in found), key=_ORDER.index, default=Drift.COSMETIC)


def suspicions(tool: Described) -> list[Change]:
    """Return what stands out in a tool of which nothing was known before."""
    return [
        Change(drift=Drift.SUSPICIOUS, pointer="", before=None, after=None, why=f"It has {sign}.")
        for sign in islice(signs(_all_of(tool)).values(), MAX_CHANGES)
    ]


def _new_signs(before: Described, after: Described) -> Iterator[Change]:
    known = signs(_all_of(before))
    parts: dict[str, JsonValue] = {
        "/title": after.title,
        "/description": after.description,
        "/inputSchema": after.input_schema,
        "/outputSchema": after.output_schema,
        "/annotations": after.annotations,
    }
    for pointer, part in parts.items():
        for key, sign in signs(part).items():
            if key not in known:
                yield _made(Drift.SUSPICIOUS, pointer, None, None, f"It now has {sign}.")


def _all_of(tool: Described) -> JsonValue:
    return [tool.title, tool.description, tool.input_schema, tool.output_schema, tool.annotations]


def _words(pointer: str, before: JsonValue, after: JsonValue) -> Iterator[Change]:
    if before != after:
        yield _made(Drift.COSMETIC, pointer, before, after, "It says something else.")


def _input(before: JsonObject, after: JsonObject) -> Iterator[Change]:
    for change in schema_changes(before, after):
        match change.effect:
            case "words":
                yield _of_schema(Drift.COSMETIC, "/inputSchema", change, "It says something else.")
            case "wider":
                why = "Every call that was good still is."
                yield _of_schema(Drift.ADDITIVE, "/inputSchema", change, why)
            case _:
                why = "A call that was good may not be any more, or may mean something else."
                yield _of_schema(Drift.BREAKING, "/inputSchema", change, why)


def _output(before: JsonObject | None, after: JsonObject | None) -> Iterator[Change]:
    where = "/outputSchema"
    if before is None and after is not None:
        yield _made(Drift.ADDITIVE, where, None, after, "It now promises what it answers.")
    elif after is None and before is not None:
        yield _made(Drift.BREAKING, where, before, None, "It promises nothing any more.")
    elif before is not None and after is not None:
        # A reader of results is served by what is narrower: new and old change places.
        loosened = {change.path: change.effect for change in schema_changes(after, before)}
        for change in schema_changes(before, after):
            effect = loosened.get(change.path, "narrower")
            if change.effect == "words":
                yield _of_schema(Drift.COSMETIC, where, change, "It says something else.")
            elif effect == "wider" or _is_new_member(change):
                yield _of_schema(Drift.ADDITIVE, where, change, "Its answers have more to them.")
            else:
                why = "Its answers may not be what they were."
                yield _of_schema(Drift.BREAKING, where, change, why)


def _is_new_member(change: SchemaChange) -> bool:
    return change.before is None and change.effect == "wider" and "properties" in change.path[-2:-1]


def _annotations(before: JsonObject, after: JsonObject) -> Iterator[Change]:
    for key in sorted({*before, *after}):
        if before.get(key) == after.get(key):
            continue
        if key in _HINTS:
            drift, why = Drift.BREAKING, "Whether it may be called again is decided by such hints."
        else:
            drift, why = Drift.COSMETIC, "It says something else."
        yield _made(drift, f"/annotations/{_token(key)}", before.get(key), after.get(key), why)


def _of_schema(drift: Drift, root: str, change: SchemaChange, why: str) -> Change:
    pointer = root + "".join(f"/{_token(token)}" for token in change.path)
    return _made(drift, pointer, change.before, change.after, why)


def _made(drift: Drift, pointer: str, before: JsonValue, after: JsonValue, why: str) -> Change:
    return Change(
        drift=drift,
        pointer=pointer[:_POINTER_CHARS],
        before=None if before is None else shown(canonical(before).decode()),
        after=None if after is None else shown(canonical(after).decode()),
        why=why,
    )


def _token(key: str) -> str:
    return shown(key.replace("~", "~0").replace("/", "~1"))
