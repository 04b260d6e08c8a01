"""`run: shell`, `script` and `container`: a program, by a worker that does nothing else."""

from datetime import timedelta
from typing import Any, Final

from activities.programs.types import ProgramCall
from workflows.definition import RunSpec, RunTask
from workflows.interpreter.calls import OwnQueue
from workflows.interpreter.compiling import Place
from workflows.interpreter.requests import Blueprint, Part, Value
from workflows.interpreter.tasks.call.activity import ActivityCall, patience
from workflows.interpreter.tasks.call.endpoint import compile_endpoint

# What takes longer gets a task timeout; the worker has the last word.
TIMEOUT_S: Final = 60.0
# Also when all workers are busy: then it is time for another one.
QUEUE: Final = OwnQueue(
    suffix="-programs",
    patience=timedelta(minutes=10),
    advice="Programs are run by workers of their own. Start one: millwright worker --programs",
)


def compile_program(task: RunTask, place: Place) -> ActivityCall[ProgramCall]:
    """Compile a `run` task that runs a program."""
    language, code, given = _written(task.run)
    parts: dict[str, Part | None] = {
        name: None if part is None else Value(place.template(part))
        for name, part in (
            ("stdin", given.stdin),
            ("environment", given.environment),
            ("arguments", list(given.arguments) or None),
        )
    }
    fixed: dict[str, Any] = {"language": language, "returns": task.run.return_}
    if given is task.run.shell:
        parts["code"] = Value(place.template(code))
    elif (container := task.run.container) is not None:
        parts["image"] = Value(place.template(container.image))
        for name, text in (("code", code), ("hostname", container.name)):
            if text is not None:
                parts[name] = Value(place.template(text))
    elif given.source is not None:
        endpoint = compile_endpoint(given.source.endpoint, place)
        parts |= {"source_uri": endpoint.uri, "source_login": endpoint.login}
    else:
        fixed["code"] = code
    return ActivityCall(
        activity="program-run",
        blueprint=Blueprint(ProgramCall, place.secrets, parts),
        label=lambda request: request.image or request.language,
        fixed=fixed,
        timeout=patience(task, place),
        timeout_s=TIMEOUT_S,
        # The code may have to be read first.
        exchanges=2,
        own_queue=QUEUE,
    )


def _written(spec: RunSpec) -> tuple[str, str | None, Any]:
    """Return the language, the code and all else that the author wrote."""
    if spec.shell is not None:
        return "sh", spec.shell.command, spec.shell
    if spec.container is not None:
        return "container", spec.container.command, spec.container
    if spec.script is None:
        raise ValueError("The checks let only through what runs something.")
    return spec.script.language, spec.script.code, spec.script
