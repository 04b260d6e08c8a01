"""A function of the tenant's own catalogue: the text of one task, checked as workflows are."""

from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel, ValidationError

from foundation.json import JsonObject, JsonValue, digest
from workflows.definition.checks import check
from workflows.definition.checks.references import secrets_read
from workflows.definition.checks.subject import Subject
from workflows.definition.elsewhere import (
    DEFAULT_CATALOG,
    NOTHING_FOUND,
    Found,
    Frozen,
    Origin,
    Wanted,
    freeze,
)
from workflows.definition.elsewhere.freezing import relocated
from workflows.definition.elsewhere.things import FrozenPart
from workflows.definition.findings import Code, Finding, InvalidDefinitionError, Problem, in_order
from workflows.definition.loader import parse
from workflows.definition.models import Definition
from workflows.definition.not_fetched import NotFetchedError, unseen
from workflows.definition.off import NOTHING_OFF, Off
from workflows.definition.pruning import STAND_IN_DOCUMENT, Pruned
from workflows.definition.shape import problems_of

_FUNCTIONS: Final = ("use", "functions")


class PreparedFunction(BaseModel, frozen=True):
    """A function that may be published.

    Attributes:
        hash: Content hash of `document`.
        document: The task, as written: what it uses from elsewhere is fetched for each workflow
            that calls it.
        source: The text it was read from.
        warnings: What is odd about it and does not keep it from running.
    """

    name: str
    version: str
    hash: str
    document: JsonObject
    source: str
    warnings: tuple[Finding, ...] = ()


def prepare_function(
    name: str,
    version: str,
    text: str | bytes,
    *,
    off: Off = NOTHING_OFF,
    found: Found = NOTHING_FOUND,
) -> PreparedFunction:
    """Check a function and make it ready to be published.

    Args:
        off: What the tenant may not use, and how that changes.
        found: What was fetched for it.

    Raises:
        InvalidDefinitionError: With all findings, when one of them is an error.
        NotFetchedError: It uses something from elsewhere that was not found yet.
    """
    loaded = parse(text)
    function = _Function(f"{name}:{version}@{DEFAULT_CATALOG}", loaded.value)
    findings = in_order([*loaded.findings, *map(loaded.place, function.problems(off, found))])
    if function.wanted:
        raise NotFetchedError(findings, function.wanted)
    if any(each.is_error for each in findings):
        raise InvalidDefinitionError(findings)
    document = loaded.value if isinstance(loaded.value, dict) else {}
    return PreparedFunction(
        name=name,
        version=version,
        hash=digest(document),
        document=document,
        source=loaded.text,
        warnings=tuple(findings),
    )


def workflow_around(text: str | bytes) -> Definition | None:
    """Return a workflow that calls a function and declares all secrets that it reads.

    What the function fetches to be checked it may fetch with them, as it will for every workflow
    that calls it. None for what is no function.
    """
    value = parse(text).value
    around = _around("function", value)
    try:
        definition = Definition.model_validate(around)
    except ValidationError:
        return None
    secrets = sorted(secrets_read(Subject(Pruned(around, around), definition)))
    use = definition.use.model_copy(update={"secrets": secrets})
    return definition.model_copy(update={"use": use})


def _around(key: str, value: JsonValue) -> JsonObject:
    return {
        "document": STAND_IN_DOCUMENT,
        "use": {"functions": {key: value}},
        "do": [],
    }


class _Function:
    """A function inside of a workflow that does nothing else: checks look at whole workflows."""

    def __init__(self, key: str, value: JsonValue) -> None:
        self._path = (*_FUNCTIONS, key)
        self._key = key
        self._value = value
        self._frozen: Frozen | None = None

    @property
    def wanted(self) -> list[Wanted]:
        """What has to be fetched before it can be judged."""
        return list(self._frozen.wanted.values()) if self._frozen else []

    def problems(self, off: Off, found: Found) -> Iterator[Problem]:
        """Find everything that is wrong with it, at places of its own text."""
        if not isinstance(self._value, dict):
            message = "A function is a task: an object with 'input', 'output' and what it does."
            yield Problem(Code.WRONG_TYPE, (), message)
            return
        around = _around(self._key, self._value)
        try:
            definition = Definition.model_validate(around)
        except ValidationError as error:
            yield from map(self._placed, problems_of(error, around))
            return
        self._frozen = frozen = freeze(around, definition, found)
        yield from map(self._placed, [*frozen.problems, *unseen(self.wanted)])
        pruned = Pruned(frozen.document, frozen.document)
        complete = Definition.model_validate(frozen.document)
        judged = check(pruned, complete, off, [*frozen.parts, self._itself()])
        yield from map(self._placed, filter(_is_its_own, relocated(judged, frozen)))

    def _itself(self) -> FrozenPart:
        origin = Origin(kind="function", name=self._key, address=DEFAULT_CATALOG, sha256="")
        return FrozenPart(path=self._path, asked=self._path, origin=origin, trusted=True)

    def _placed(self, problem: Problem) -> Problem:
        if problem.path[: len(self._path)] == self._path:
            return problem._replace(path=problem.path[len(self._path) :])
        return problem._replace(path=())


def _is_its_own(problem: Problem) -> bool:
    """Leave out that secrets are not declared: whoever calls it declares them."""
    is_secret = "in use.secrets" in problem.message
    return not (problem.code == Code.UNKNOWN_REFERENCE and is_secret)
