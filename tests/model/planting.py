"""Bugs to plant into the interpreter: what finds none of them proves nothing.

A bug is a small change of the text of one function. Only that function is compiled anew; what it
uses stays what it was.
"""

import inspect
from dataclasses import dataclass
from importlib import import_module
from textwrap import dedent
from types import FunctionType
from typing import Any, Final

import pytest


@dataclass(frozen=True)
class Bug:
    """A bug.

    Attributes:
        what: What it does, as a test name says it.
        where: Module and function below `workflows.interpreter`.
        right: Text of the function, once in it.
        wrong: What is put in its place.
        seed: The program of `SEEDS` in which it shows.
    """

    what: str
    where: str
    right: str
    wrong: str
    seed: str

    def plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it in."""
        module_name, _, path = self.where.partition(":")
        owner: Any = import_module(f"workflows.interpreter.{module_name}")
        *classes, name = path.split(".")
        for each in classes:
            owner = getattr(owner, each)
        function: FunctionType = inspect.getattr_static(owner, name)
        source = dedent(inspect.getsource(function))
        assert source.count(self.right) == 1, f"{self.where} does not hold {self.right!r} once"
        found: dict[str, Any] = {}
        code = compile(source.replace(self.right, self.wrong), f"<{self.what}>", "exec")
        exec(code, function.__globals__.copy(), found)  # noqa: S102 - a bug of our own
        made = FunctionType(found[name].__code__, function.__globals__, name, function.__defaults__)
        made.__kwdefaults__ = function.__kwdefaults__
        monkeypatch.setattr(owner, name, made)


BUGS: Final = (
    Bug(
        "each turn of a loop begins with the input of the loop",
        "tasks.for_:For.execute",
        'await run_steps(self.steps, state["value"], scope)',
        "await run_steps(self.steps, value, scope)",
        "a loop over a value that changes",
    ),
    Bug(
        "who loses a competition goes on",
        "tasks.fork:_stop",
        "task.cancel()",
        "pass",
        "a competition",
    ),
    Bug(
        "the output of branches is in the order in which they ended",
        "tasks.fork:Fork.execute",
        "[done[str(number)] for number in range(len(self.branches))]",
        "list(done.values())",
        "the second branch ends first",
    ),
    Bug(
        "a branch that has ended begins anew in the next run",
        "tasks.fork:Fork.execute",
        "if str(number) not in ended",
        "if True",
        "a branch that ends long before another",
    ),
    Bug(
        "what does not match is caught",
        "tasks.try_:Try._catches",
        "if not _same(key, fault.error.get(key), frame.evaluate(template, value)):",
        "if False:",
        "a fault that does not match",
    ),
    Bug(
        "one attempt more than allowed",
        "tasks.retry:Retry.is_last",
        "attempt >= self.attempts",
        "attempt > self.attempts",
        "two attempts",
    ),
    Bug(
        "the pause before an attempt grows too fast",
        "tasks.retry:_factor",
        "return float(attempt)",
        "return float(attempt) ** 2",
        "attempts further and further apart",
    ),
    Bug(
        "exit is taken for continue",
        "steps:_run_list",
        "return outcome\n",
        'state["at"] = index + 1\n',
        "an exit",
    ),
    Bug(
        "a condition is turned round",
        "steps:run_step",
        "not frame.holds",
        "frame.holds",
        "a condition",
    ),
    Bug(
        "a pause stops nothing",
        "control:Control.boundary",
        "while self.stopping:",
        "while self._leaving:",
        "a pause in a wait",
    ),
    Bug(
        "the time of a task begins anew in the next run",
        "steps:_in_time",
        'frame.state["since"] + seconds - workflow.time()',
        "seconds",
        "a time for many waits",
    ),
    Bug(
        "a wait begins anew in the next run",
        "run:Frame.sleep",
        "state.setdefault(name, workflow.time() + seconds)",
        "state[name] = workflow.time() + seconds",
        "a long wait beside many others",
    ),
    Bug(
        "an event is used twice",
        "tasks.listen.task:Listen.take_first",
        'state["used"].append(first["sequence"])',
        "pass",
        "the same event wanted in each turn",
    ),
    Bug(
        "one filter may be met twice while another waits",
        "tasks.listen.task:Listen._meets",
        "if strategy.all and number in met:",
        "if False:",
        "the same event twice where two are wanted",
    ),
    Bug(
        "one yes is enough for any quorum",
        "tasks.call.approval.box:Box.take",
        ">= approval.quorum",
        ">= 1",
        "an approval by two",
    ),
)
