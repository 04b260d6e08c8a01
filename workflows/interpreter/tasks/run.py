"""`run`: another workflow, or a program."""

from workflows.definition import RunTask
from workflows.interpreter.compiling import Place
from workflows.interpreter.steps import Body
from workflows.interpreter.tasks.run_program import compile_program
from workflows.interpreter.tasks.run_workflow import compile_workflow


def compile_run(task: RunTask, place: Place) -> Body:
    """Compile a `run` task."""
    spec = task.run.workflow
    return compile_program(task, place) if spec is None else compile_workflow(spec, task, place)
