"""`listen`: wait for events. One file: which are meant; one: the desk; one: the task."""

from workflows.interpreter.tasks.listen.task import (
    Listen,
    compile_consumption,
    compile_listen,
    nothing_yet,
)

__all__ = ["Listen", "compile_consumption", "compile_listen", "nothing_yet"]
