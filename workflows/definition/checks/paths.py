"""Paths that expressions read and that the declared schema of the input excludes."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from workflows.definition.checks.expression_fields import ExpressionField
from workflows.definition.checks.expressions import compiled_fields
from workflows.definition.checks.inputs import KnownSchema, inputs_of
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Problem, did_you_mean, shown
from workflows.definition.schema_paths import Budget, Exclusion, Keys, SchemaPaths
from workflows.expressions import INPUT, Expression, Read

_SHOWN_MEMBERS: Final = 20
_SHOWN_CHARS: Final = 300
_Ask: TypeAlias = Callable[[KnownSchema, Keys], Exclusion | None]


def check_paths(subject: Subject) -> Iterator[Problem]:
    """Find paths that are never there."""
    if subject.definition.evaluate.language != "jq":
        return
    given = inputs_of(subject.definition, "the workflow").checked
    ask = _asking()
    for field, expressions in compiled_fields(subject):
        if not (given or field.dot or field.input):
            continue
        for path, found in expressions:
            if isinstance(found, Expression):
                for message in _excluded(found, field, given, ask):
                    yield Problem(Code.UNKNOWN_PATH, path, message)


def _asking() -> _Ask:
    """Return what answers for all schemas of one definition, within one budget."""
    budget = Budget()
    known: dict[int, SchemaPaths] = {}

    def ask(schema: KnownSchema, keys: Keys) -> Exclusion | None:
        # The documents live as long as the definition.
        paths = known.get(id(schema.document))
        if paths is None:
            paths = known[id(schema.document)] = SchemaPaths(schema.document, budget)
        return paths.exclusion(keys)

    return ask


def _excluded(
    expression: Expression, field: ExpressionField, given: KnownSchema | None, ask: _Ask
) -> Iterator[str]:
    for read in expression.analysis().reads:
        schema, before = _described(read, field, given)
        if schema is None:
            continue
        why = ask(schema, read.keys[before:])
        if why is not None:
            yield _message(read, before, schema, why)


def _described(
    read: Read, field: ExpressionField, given: KnownSchema | None
) -> tuple[KnownSchema | None, int]:
    """Return the schema of what a path begins with, and how many of its keys lead there."""
    if read.root == "workflow" and read.keys[:1] == ("input",):
        return given, 1
    known = {INPUT: field.dot, "input": field.input}
    return known.get(read.root), 0


def _message(read: Read, before: int, schema: KnownSchema, why: Exclusion) -> str:
    at = before + why.position
    key, parent = read.keys[at], _spelled(read, at)
    opening = (
        f"{shown(_spelled(read, at + 1))} is never there: the input schema of {schema.owner} "
        "excludes it."
    )
    container = "object" if isinstance(key, str) else "array"
    if why.types and container not in why.types:
        return f"{opening} {shown(parent)} is of the type {' or '.join(why.types)}."
    if not isinstance(key, str) or not why.members:
        return opening
    names = ", ".join(why.members[:_SHOWN_MEMBERS])[:_SHOWN_CHARS]
    more = ", ..." if len(why.members) > _SHOWN_MEMBERS else ""
    hint = did_you_mean(key, why.members)
    return f"{opening} {shown(parent)} has: {names}{more}.{hint}"


def _spelled(read: Read, keys: int) -> str:
    """Spell the beginning of a path."""
    return str(read._replace(keys=read.keys[:keys]))
