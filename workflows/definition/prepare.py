"""What the rest of the product asks of a definition's text: is it good, and make it ready."""

from collections.abc import Mapping
from itertools import islice

from pydantic import BaseModel, ValidationError

from foundation.json import JsonObject, digest
from workflows.definition.checks import check
from workflows.definition.checks.subject import NOTHING
from workflows.definition.findings import (
    MAX_FINDINGS,
    Code,
    Finding,
    InvalidDefinitionError,
    Problem,
    in_order,
)
from workflows.definition.loader import LoadedDocument, parse
from workflows.definition.models import Definition, DocumentInfo
from workflows.definition.pruning import Pruned, prune
from workflows.definition.shape import problems_of


class PreparedDefinition(BaseModel, frozen=True):
    """A definition that may be published.

    Attributes:
        hash: Content hash of `document`; what an instance pins.
        document: The definition as plain data.
        source: The text it was read from.
        warnings: What is odd about it and does not keep it from running.
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


def validate(text: str | bytes, *, off: Mapping[str, str] = NOTHING) -> list[Finding]:
    """Find everything that is wrong with a definition; an empty list means that it can run.

    Args:
        off: What the tenant may not use, and how that changes.
    """
    try:
        return _findings(parse(text), off)
    except InvalidDefinitionError as error:
        return list(error.findings)


def prepare(text: str | bytes, *, off: Mapping[str, str] = NOTHING) -> PreparedDefinition:
    """Check a definition and make it ready to be published.

    Args:
        off: What the tenant may not use, and how that changes.

    Raises:
        InvalidDefinitionError: With all findings, when one of them is an error.
    """
    loaded = parse(text)
    findings = _findings(loaded, off)
    if any(each.is_error for each in findings):
        raise InvalidDefinitionError(findings)
    return _prepared(loaded, findings)


def load_definition(document: JsonObject) -> Definition:
    """Turn a prepared document into models, without checking again what they mean.

    Raises:
        ValueError: When it was never prepared.
    """
    return Definition.model_validate(document)


def _prepared(loaded: LoadedDocument, warnings: list[Finding]) -> PreparedDefinition:
    document = loaded.value if isinstance(loaded.value, dict) else {}
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
        warnings=tuple(warnings),
    )


def _findings(loaded: LoadedDocument, off: Mapping[str, str]) -> list[Finding]:
    if not isinstance(loaded.value, dict):
        message = "A definition is an object that begins with 'document:' and 'do:'."
        return in_order([*loaded.findings, loaded.place(Problem(Code.WRONG_TYPE, (), message))])
    return in_order([*loaded.findings, *map(loaded.place, _problems(loaded.value, off))])


def _problems(document: JsonObject, off: Mapping[str, str]) -> list[Problem]:
    try:
        definition = load_definition(document)
    except ValidationError as error:
        problems = list(islice(problems_of(error, document), MAX_FINDINGS))
        if len(problems) == MAX_FINDINGS:
            return problems
        pruned = prune(document, [problem.path for problem in problems])
        return [*problems, *_of_the_rest(pruned, off)]
    return list(check(Pruned(document, document), definition, off))


def _of_the_rest(pruned: Pruned, off: Mapping[str, str]) -> list[Problem]:
    """Check what is left without the parts that have the wrong shape."""
    try:
        definition = load_definition(pruned.document)
    except ValidationError:
        return []
    return list(check(pruned, definition, off))
