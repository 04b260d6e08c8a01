"""Puts stand-ins where a document has the wrong shape, so that the rest can be checked as well."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from foundation.json import JsonObject, JsonValue
from workflows.definition.findings import Path
from workflows.definition.models.base import NOT_A_KEY

_TASK_LISTS: Final = frozenset(
    {"do", "branches", "try", "before", "after", "finally", "compensate"}
)
STAND_IN_DOCUMENT: Final[JsonObject] = {
    "dsl": "1.0.3",
    "namespace": "unreadable",
    "name": "unreadable",
    "version": "0.0.0",
}


@dataclass(frozen=True)
class Pruned:
    """A document with stand-ins.

    Attributes:
        original: As written.
        document: With stand-ins.
        unreadable: Where the stand-ins for tasks are: nothing is known about what those do.
    """

    original: JsonObject
    document: JsonObject
    unreadable: frozenset[Path] = frozenset()


def prune(document: JsonObject, paths: Iterable[Path]) -> Pruned:
    """Replace the smallest part around each path that can be replaced."""
    pruned: JsonObject = dict(document)
    unreadable: set[Path] = set()
    # Outer parts first: what is inside a part that is gone needs no stand-in.
    for path in sorted(set(paths), key=len):
        task = _task_around(path, document)
        if task is None:
            _drop(pruned, path)
        elif not any(task[: len(outer)] == outer for outer in unreadable):
            pruned = _with_stand_in(pruned, task, document)
            unreadable.add(task)
    pruned.setdefault("document", STAND_IN_DOCUMENT)
    pruned.setdefault("do", [])
    return Pruned(document, pruned, frozenset(unreadable))


def task_at(path: Path) -> str | None:
    """Name the innermost task that a path leads into."""
    for end in range(len(path) - 1, 1, -1):
        parent, index, name = path[end - 2 : end + 1]
        if parent in _TASK_LISTS and isinstance(index, int) and isinstance(name, str):
            return name
    return None


def _task_around(path: Path, document: JsonObject) -> Path | None:
    """Find the innermost task, or unreadable item of a task list, that a path leads into."""
    for end in range(len(path), 1, -1):
        *_, parent, last = path[:end]
        if isinstance(last, int) and parent in _TASK_LISTS:
            item = _at(document, path[:end])
            has_name = isinstance(item, dict) and len(item) == 1 and "" not in item
            return path[: end + 1] if has_name and len(path) > end else path[:end]
        if path[: end - 1] == ("use", "functions"):
            return path[:end]
    return None


def _at(value: JsonValue, path: Path) -> JsonValue:
    for token in path:
        if isinstance(value, dict) and isinstance(token, str):
            value = value.get(token)
        elif isinstance(value, list) and isinstance(token, int) and token < len(value):
            value = value[token]
        else:
            return None
    return value


def _stand_in(original: JsonValue) -> JsonObject:
    """Keep of a task what says where it leads."""
    task: JsonObject = {"do": []}
    if isinstance(original, dict):
        task.update(
            {key: original[key] for key in ("then", "if") if isinstance(original.get(key), str)}
        )
    return task


def _with_stand_in(document: JsonObject, path: Path, original: JsonObject) -> JsonObject:
    stand_in: JsonValue = _stand_in(_at(original, path))
    if isinstance(path[-1], int):
        # Not even a name is known; no name in a document begins like this one.
        stand_in = {f"{NOT_A_KEY}{path[-1]}": stand_in}
    changed = replaced(document, path, stand_in)
    return changed if isinstance(changed, dict) else document


def replaced(value: JsonValue, path: Path, stand_in: JsonValue) -> JsonValue:
    """Copy the way down to a path and put something else at its end."""
    if not path:
        return stand_in
    token, *rest = path
    if isinstance(value, dict) and isinstance(token, str) and token in value:
        return {**value, token: replaced(value[token], tuple(rest), stand_in)}
    if isinstance(value, list) and isinstance(token, int) and token < len(value):
        return [
            replaced(item, tuple(rest), stand_in) if index == token else item
            for index, item in enumerate(value)
        ]
    return value


def _drop(document: JsonObject, path: Path) -> None:
    """Remove the member of the document, or of its `use`, that a path leads into."""
    match path:
        case ("use", str(section), str(name), *_) if isinstance(use := document.get("use"), dict):
            entries = use.get(section)
            kept = {**entries} if isinstance(entries, dict) else {}
            kept.pop(name, None)
            document["use"] = {**use, section: kept} if isinstance(entries, dict) else {}
        case (str(member), *_):
            document.pop(member, None)
        case _:
            pass
