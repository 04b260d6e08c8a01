"""What the rest of the product asks of a definition's text: is it good, and make it ready."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pydantic import BaseModel, ValidationError

from foundation.json import JsonObject, digest
from workflows.definition.checks import check
from workflows.definition.elsewhere import (
    NOTHING_FOUND,
    Found,
    Frozen,
    Origin,
    Wanted,
    freeze,
)
from workflows.definition.elsewhere.freezing import relocated
from workflows.definition.findings import (
    MAX_FINDINGS,
    Code,
    Finding,
    InvalidDefinitionError,
    Problem,
    in_order,
)
from workflows.definition.loader import LoadedDocument, parse
from workflows.definition.loose import in_strict_mode
from workflows.definition.models import Definition, DocumentInfo
from workflows.definition.not_fetched import NotFetchedError, unseen
from workflows.definition.off import NOTHING_OFF, Off
from workflows.definition.pruning import Pruned, prune
from workflows.definition.shape import problems_of
from workflows.definition.tools import Tools


class PreparedDefinition(BaseModel, frozen=True):
    """A definition that may be published.

    Attributes:
        hash: Content hash of `document`; what an instance pins.
        document: The definition as plain data.
        source: The text it was read from.
        warnings: What is odd about it and does not keep it from running.
        origins: Where its parts were fetched that are not in `source`.
    """

    namespace: str
    name: str
    version: str
    title: str | None
    summary: str | None
    hash: str
    document: JsonObject
    source: str
    warnings: tuple[Finding, ...] = ()
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class _Judged:
    """A document, what is wrong with it, and with what it uses from elsewhere, if it is one."""

    loaded: LoadedDocument
    findings: list[Finding]
    frozen: Frozen | None


def validate(
    text: str | bytes,
    *,
    off: Off = NOTHING_OFF,
    found: Found = NOTHING_FOUND,
    tools: Tools | None = None,
) -> list[Finding]:
    """Find everything that is wrong with a definition; an empty list means that it can run.

    Args:
        off: What the tenant may not use, and how that changes.
        found: What was fetched for it; the rest is not judged.
        tools: What registered tools take; without them, calls of tools are not judged.
    """
    try:
        return _judged(parse(text), off, found, tools).findings
    except InvalidDefinitionError as error:
        return list(error.findings)


def wanted(text: str | bytes, *, found: Found = NOTHING_FOUND) -> list[Wanted]:
    """Tell what a definition uses from elsewhere, besides what was found already."""
    try:
        document = parse(text).value
        definition = load_definition(document) if isinstance(document, dict) else None
    except (InvalidDefinitionError, ValidationError):
        return []
    if not isinstance(document, dict) or definition is None:
        return []
    strict = in_strict_mode(document, definition)
    return list(freeze(strict, load_definition(strict), found).wanted.values())


def prepare(
    text: str | bytes,
    *,
    off: Off = NOTHING_OFF,
    found: Found = NOTHING_FOUND,
    tools: Tools | None = None,
) -> PreparedDefinition:
    """Check a definition and make it ready to be published.

    Args:
        off: What the tenant may not use, and how that changes.
        found: What was fetched for it.
        tools: What registered tools take; without them, calls of tools are not judged.

    Raises:
        InvalidDefinitionError: With all findings, when one of them is an error.
        NotFetchedError: It uses something from elsewhere that was not found yet.
    """
    judged = _judged(parse(text), off, found, tools)
    if judged.frozen and judged.frozen.wanted:
        raise NotFetchedError(judged.findings, list(judged.frozen.wanted.values()))
    if any(each.is_error for each in judged.findings):
        raise InvalidDefinitionError(judged.findings)
    return _prepared(judged)


def load_definition(document: JsonObject) -> Definition:
    """Turn a prepared document into models, without checking again what they mean.

    Raises:
        ValueError: When it was never prepared.
    """
    return Definition.model_validate(document)


def _prepared(judged: _Judged) -> PreparedDefinition:
    loaded, frozen = judged.loaded, judged.frozen
    document = frozen.document if frozen else {}
    info = DocumentInfo.model_validate(document["document"])
    return PreparedDefinition(
        namespace=info.namespace,
        name=info.name,
        version=info.version,
        title=info.title,
        summary=info.summary,
        hash=digest(document),
        document=document,
        source=loaded.text,
        warnings=tuple(judged.findings),
        origins=frozen.origins if frozen else (),
    )


def _judged(loaded: LoadedDocument, off: Off, found: Found, tools: Tools | None) -> _Judged:
    document = loaded.value
    if not isinstance(document, dict):
        message = "A definition is an object that begins with 'document:' and 'do:'."
        problems = [Problem(Code.WRONG_TYPE, (), message)]
        return _Judged(loaded, in_order([*loaded.findings, *map(loaded.place, problems)]), None)
    try:
        definition = load_definition(document)
    except ValidationError as error:
        problems = _of_shape(error, document, off, tools)
        return _Judged(loaded, in_order([*loaded.findings, *map(loaded.place, problems)]), None)
    strict = in_strict_mode(document, definition)
    if strict is not document:
        document, definition = strict, load_definition(strict)
    frozen = freeze(document, definition, found)
    pruned = Pruned(document, document)
    problems = [*check(pruned, definition, off, (), tools), *_of_parts(frozen, off, tools)]
    return _Judged(loaded, in_order([*loaded.findings, *map(loaded.place, problems)]), frozen)


def _of_shape(
    error: ValidationError, document: JsonObject, off: Off, tools: Tools | None
) -> list[Problem]:
    problems = list(islice(problems_of(error, document), MAX_FINDINGS))
    if len(problems) == MAX_FINDINGS:
        return problems
    pruned = prune(document, [problem.path for problem in problems])
    return [*problems, *_of_the_rest(pruned, off, tools)]


def _of_parts(frozen: Frozen, off: Off, tools: Tools | None) -> Iterator[Problem]:
    """Judge the definition once more, with what it uses from elsewhere."""
    yield from frozen.problems
    yield from unseen(frozen.wanted.values())
    if not frozen.parts:
        return
    definition = load_definition(frozen.document)
    pruned = Pruned(frozen.document, frozen.document)
    yield from relocated(check(pruned, definition, off, frozen.parts, tools), frozen)


def _of_the_rest(pruned: Pruned, off: Off, tools: Tools | None) -> list[Problem]:
    """Check what is left without the parts that have the wrong shape."""
    try:
        definition = load_definition(pruned.document)
    except ValidationError:
        return []
    return list(check(pruned, definition, off, (), tools))
