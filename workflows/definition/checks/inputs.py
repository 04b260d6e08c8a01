"""Which schema describes the input of the workflow and of its tasks, stage by stage.

Only what is certain: a schema that has been checked by the time an expression sees the value.
"""

from typing import NamedTuple

from foundation.json import JsonValue
from workflows.definition.checks.flow import jumps
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Path
from workflows.definition.models import Definition, SchemaSpec, TaskBase
from workflows.definition.schemas import InvalidSchemaError, compile_schema


class KnownSchema(NamedTuple):
    """A schema that a value has been checked against.

    Attributes:
        owner: Whose input it describes, for a person.
    """

    owner: str
    document: JsonValue


class Inputs(NamedTuple):
    """What is known of the input of one task.

    Attributes:
        raw: As it comes, before the task's own schema: what `if` sees.
        checked: Behind that schema: what `input.from` sees.
        shaped: Behind `input.from`: what everything else sees.
    """

    raw: KnownSchema | None
    checked: KnownSchema | None
    shaped: KnownSchema | None


def inputs_of(owner: Definition | TaskBase, name: str, given: KnownSchema | None = None) -> Inputs:
    """Return what is known of an input.

    Args:
        owner: The workflow or a task.
        name: How people call it.
        given: What describes the input before the owner's own schema.
    """
    own = owner.input.schema_ if owner.input else None
    checked = _known(name, own) or given
    is_reshaped = owner.input is not None and owner.input.from_ is not None
    return Inputs(given, checked, None if is_reshaped else checked)


def first_task(subject: Subject) -> Path | None:
    """Return the task whose input is surely that of the workflow: the first, if nothing leads back.

    What `input.from` of the workflow does is not its concern.
    """
    scope = subject.scopes[0]
    sites = list(scope.sites())
    if not sites:
        return None
    targets = {jump.target for site in sites for jump in jumps(site)}
    return None if sites[0].name in targets else sites[0].path


def _known(owner: str, schema: SchemaSpec | None) -> KnownSchema | None:
    if schema is None or schema.resource is not None or schema.format != "json":
        return None
    try:
        compile_schema(schema.document)
    except InvalidSchemaError:
        return None  # reported at its own place
    return KnownSchema(owner, schema.document)
