"""From what pydantic says about a document to what its author needs to know.

Places become paths of the document, types become codes, and keys that nobody knows get the one
that was probably meant.
"""

import types
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from foundation.json import JsonValue
from workflows.definition.findings import Code, Path, Problem, did_you_mean, shown
from workflows.definition.models import Definition
from workflows.definition.models.base import NOT_A_KEY, ONLY_MEMBER
from workflows.definition.models.tasks import explain_kind

_CODES: Final = frozenset(code.value for code in Code)
_SHOWN_KEYS: Final = 20
_WANTED: Final[Mapping[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "dict_type": "an object",
    "mapping_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "tuple_type": "a list",
    "list_type": "a list",
}


def problems_of(error: ValidationError, document: JsonValue) -> Iterator[Problem]:
    """Translate all errors of one validation of `Definition`."""
    for details in error.errors(include_url=False, include_context=True):
        yield _problem(details, document)


def problems_of_arguments(error: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """Translate the errors of what a function takes; paths begin at its top."""
    for details in error.errors(include_url=False):
        path = details["loc"]
        if details["type"] == "missing":
            yield _missing(details, path)
        elif details["type"] == "extra_forbidden":
            yield _unknown_key(str(path[-1]), sorted(known_keys(path[:-1], model)), path)
        else:
            yield _problem(details, {})


def _problem(details: ErrorDetails, document: JsonValue) -> Problem:
    kind, path = details["type"], path_of(details["loc"], document)
    if kind == Code.TASK_KIND:
        return Problem(Code.TASK_KIND, path, explain_kind(details["input"]))
    if kind in _CODES:
        return Problem(Code(kind), path, details["msg"])
    if wanted := _WANTED.get(kind):
        return Problem(Code.WRONG_TYPE, path, _wrong_type(wanted, details["input"]))
    explain = _EXPLAINED.get(kind)
    return explain(details, path) if explain else Problem(Code.WRONG_VALUE, path, details["msg"])


def _missing(details: ErrorDetails, path: Path) -> Problem:
    key = str(details["loc"][-1])
    return Problem(Code.MISSING_KEY, path[:-1], f"'{key}' is missing here.")


def _unknown(details: ErrorDetails, path: Path) -> Problem:
    known = sorted(known_keys(details["loc"][:-1]))
    return _unknown_key(str(details["loc"][-1]), known, path)


def _unknown_key(key: str, known: list[str], path: Path) -> Problem:
    hint = did_you_mean(key, known)
    allowed = f" Known here: {', '.join(known[:_SHOWN_KEYS])}." if known else " Remove it."
    return Problem(
        Code.UNKNOWN_KEY, path, f"The key {shown(key)} is not known here.{hint or allowed}"
    )


def _not_a_choice(details: ErrorDetails, path: Path) -> Problem:
    expected = str(details.get("ctx", {}).get("expected", ""))
    given = details["input"]
    known = [part.strip(" '") for part in expected.replace(" or ", ",").split(",")]
    hint = did_you_mean(given, known) if isinstance(given, str) else ""
    return Problem(Code.WRONG_VALUE, path, f"This must be {expected}.{hint}")


def _empty(_details: ErrorDetails, path: Path) -> Problem:
    return Problem(Code.WRONG_VALUE, path, "This must not be empty.")


_EXPLAINED: Final[Mapping[str, Callable[[ErrorDetails, Path], Problem]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _not_a_choice,
    "too_short": _empty,
    "string_too_short": _empty,
}


def _wrong_type(wanted: str, given: object) -> str:
    advice = ""
    if wanted == "text" and isinstance(given, (bool, int, float)):
        advice = " Put it in quotes."
    return f"This must be {wanted}, not {_kind(given)}.{advice}"


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"


def path_of(location: tuple[str | int, ...], document: JsonValue) -> Path:
    """Turn the place of an error into a path of the document."""
    path: list[str | int] = []
    value: object = document
    for step in location:
        token = step
        if step == ONLY_MEMBER and isinstance(value, dict) and len(value) == 1:
            token = next(iter(value))
        elif isinstance(step, str) and step.startswith(NOT_A_KEY):
            continue
        path.append(token)
        value = _child(value, token)
    return tuple(path)


def _child(value: object, token: str | int) -> object:
    if isinstance(value, dict):
        return value.get(token)
    if isinstance(value, list) and isinstance(token, int) and token < len(value):
        return value[token]
    return None


def known_keys(location: tuple[str | int, ...], root: type[BaseModel] = Definition) -> set[str]:
    """Return the keys that the model at a place has; nothing when no model is there."""
    annotation: Any = root
    for step in location:
        annotation = _inner(annotation, step)
    annotation = _present(_bare(annotation))
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return set()
    aliases = (field.alias for field in annotation.model_fields.values())
    return {alias for alias in aliases if alias and not alias.startswith(NOT_A_KEY)}


def _inner(annotation: Any, step: str | int) -> Any:
    """Take one step of an error's place through the types."""
    annotation = _bare(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        return _member(arguments, step)
    if origin in {tuple, list}:
        return arguments[0]
    if origin is not None and issubclass(origin, Mapping):
        return arguments[1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.values()
        return next((field.annotation for field in fields if field.alias == step), None)
    return None


def _present(annotation: Any) -> Any:
    """Leave out that something may be missing."""
    members = [each for each in get_args(annotation) if each is not type(None)]
    if get_origin(annotation) in {Union, types.UnionType} and len(members) == 1:
        return _bare(members[0])
    return annotation


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _member(members: tuple[Any, ...], step: str | int) -> Any:
    """Choose the member of a union that a step names by its tag, or the only one besides None."""
    for member in members:
        if any(isinstance(each, Tag) and each.tag == step for each in get_args(member)[1:]):
            return member
    models = [member for member in members if member is not type(None)]
    return _inner(models[0], step) if len(models) == 1 else None
