"""Programs (`run: shell`, `run: script`): what is executed of them, and whether the tenant may."""

from collections.abc import Iterator
from typing import Final

from workflows.definition.checks.fields import FieldAt, FieldKey
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Problem, shown
from workflows.definition.models import RunSpec, ScriptSpec

FEATURE: Final = "programs"
LANGUAGES: Final = ("js", "python")
PROGRAMS: Final[frozenset[FieldKey]] = frozenset({(RunSpec, "script"), (RunSpec, "shell")})


def check_programs(subject: Subject) -> Iterator[Problem]:
    """Find programs that would not be run."""
    for field in subject.fields:
        if field.key in PROGRAMS and FEATURE in subject.off:
            yield Problem(Code.NOT_ENABLED, field.path, subject.off[FEATURE])
        elif field.key == (ScriptSpec, "language") and field.value not in LANGUAGES:
            yield _unknown_language(field)
        elif isinstance(field.owner, RunSpec) and _is_left_alone(field.owner, field.name):
            yield Problem(
                Code.NOT_SUPPORTED_YET,
                field.path,
                "A program is always waited for. To go on without it, put it into a workflow of "
                "its own, and run that with 'run: { workflow: ..., await: false }'.",
            )


def _unknown_language(field: FieldAt) -> Problem:
    message = (
        f"Scripts in {shown(str(field.value))} are not supported yet. Supported: "
        f"{', '.join(LANGUAGES)}; and 'run: shell'."
    )
    return Problem(Code.NOT_SUPPORTED_YET, field.path, message)


def _is_left_alone(spec: RunSpec, name: str) -> bool:
    return name == "await_" and not spec.await_ and (spec.script or spec.shell) is not None
