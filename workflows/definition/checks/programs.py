"""Programs (`run`, and `call: mcp` over stdio): what is executed, and whether that is allowed."""

from collections.abc import Iterator, Mapping
from typing import Final

from workflows.definition.checks.fields import FieldAt, FieldKey
from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Problem, shown
from workflows.definition.models import McpTransport, RunSpec, ScriptSpec
from workflows.definition.models.run import ContainerLifetime, ContainerSpec
from workflows.definition.off import MCP_PROGRAMS, Off
from workflows.expressions import has_expressions

LANGUAGES: Final = ("js", "python")
# What has to be enabled for each, or who has to publish it.
_FEATURES: Final[Mapping[FieldKey, str]] = {
    (RunSpec, "script"): "programs",
    (RunSpec, "shell"): "programs",
    (RunSpec, "container"): "containers",
    (McpTransport, "stdio"): MCP_PROGRAMS,
}
_IMAGE: Final = (ContainerSpec, "image")
# What a container without network and without anything of its machine does not have.
_NOT_HAD: Final[Mapping[FieldKey, str]] = {
    (ContainerSpec, "ports"): "A container has no network, so it has no ports either. Give it data "
    "as 'stdin', and take what it writes.",
    (ContainerSpec, "volumes"): "A container sees nothing of its machine, so there are no volumes. "
    "Give it data as 'stdin', and take what it writes.",
}
_NOT_DONE: Final[Mapping[tuple[FieldKey, str], str]] = {
    ((ContainerSpec, "pull_policy"), "always"): "Nothing is pulled to run a container: whoever "
    "operates the worker adds its images. Leave 'pullPolicy' out.",
    ((ContainerLifetime, "cleanup"), "never"): "Nothing of a container is left when it has ended. "
    "Write 'cleanup: always', and return what is to be kept.",
}


def check_programs(subject: Subject) -> Iterator[Problem]:
    """Find programs that would not be run."""
    for field in subject.fields:
        if (off := _off(subject.off, field)) is not None:
            yield Problem(Code.NOT_ENABLED, field.path, off)
        elif field.key == (ScriptSpec, "language") and field.value not in LANGUAGES:
            yield _unknown_language(field)
        elif field.key in _NOT_HAD:
            yield Problem(Code.NOT_SUPPORTED_YET, field.path, _NOT_HAD[field.key])
        elif isinstance(field.value, str) and (field.key, field.value) in _NOT_DONE:
            message = _NOT_DONE[field.key, field.value]
            yield Problem(Code.NOT_SUPPORTED_YET, field.path, message)
        elif isinstance(field.owner, RunSpec) and _is_left_alone(field.owner, field.name):
            yield Problem(
                Code.NOT_SUPPORTED_YET,
                field.path,
                "A program is always waited for. To go on without it, put it into a workflow of "
                "its own, and run that with 'run: { workflow: ..., await: false }'.",
            )


def _off(off: Off, field: FieldAt) -> str | None:
    """Say why the tenant may not use this; what is computed is looked at when it runs."""
    if field.key == _IMAGE and isinstance(field.value, str) and not has_expressions(field.value):
        # Which images there are matters to who may run any.
        return None if "containers" in off.features else off.image(field.value)
    return off.features.get(_FEATURES.get(field.key, ""))


def _unknown_language(field: FieldAt) -> Problem:
    message = (
        f"Scripts in {shown(str(field.value))} are not supported yet. Supported: "
        f"{', '.join(LANGUAGES)}; and 'run: shell'."
    )
    return Problem(Code.NOT_SUPPORTED_YET, field.path, message)


def _is_left_alone(spec: RunSpec, name: str) -> bool:
    return name == "await_" and not spec.await_ and spec.workflow is None
