"""The language of the model: what each kind of task does, from the text of the DSL alone.

Branches are generators that yield what they wait for, and are sent what came of it.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from tests.model.hearing import Hearing
from tests.model.memory import Memory
from tests.model.wants import (
    LEAVING,
    Begin,
    Branch,
    Branches,
    Decision,
    End,
    Fault,
    Json,
    Steps,
    Timer,
    TooLate,
    Want,
)

Tasks: TypeAlias = Sequence[Mapping[str, Any]]
Names: TypeAlias = Mapping[str, Json]
Given: TypeAlias = tuple[Json, str | None]

_MARKS = re.compile(r"[#!*]\d+")
ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"


class Language:
    """A definition, and what it does."""

    def __init__(self, document: Mapping[str, Any], memory: Memory) -> None:
        self._document = document
        self._memory = memory

    def whole(self, value: Json, branch: Branch) -> Steps:
        """Do all of a definition."""
        document = self._document

        def body() -> Steps:
            try:
                output, _ = yield from self._list(document["do"], value, "/do", {}, branch)
            except End as end:
                return end.output
            return output

        try:
            output = yield from self._in_time(document, body, branch)
        except Fault as fault:
            # What comes from a task names it.
            fault.late = fault.error.setdefault("instance", "/") == "/"
            raise
        return self._shaped(document, output, {})

    def _list(
        self, tasks: Tasks, value: Json, prefix: str, names: Names, branch: Branch
    ) -> Generator[Want, Any, Given]:
        """Do tasks in order; return the output of the last one, and how the list was left."""
        order = [next(iter(each)) for each in tasks]
        index = again = 0
        while index < len(tasks):
            yield Begin()
            name = order[index]
            path = f"{prefix}/{index}/{name}" + (f"*{again}" if again else "")
            value, then = yield from self._task(tasks[index][name], value, path, names, branch)
            match then:
                case None | "continue":
                    index += 1
                case "exit":
                    return value, then
                case "end":
                    raise End(value)
                case _:
                    target = order.index(then)
                    again += target <= index
                    index = target
        return value, None

    def _task(
        self, task: Mapping[str, Any], value: Json, path: str, names: Names, branch: Branch
    ) -> Generator[Want, Any, Given]:
        if "if" in task and not self._say(task["if"], value, names):
            self._memory.note(path, "skipped")
            return value, None
        self._memory.note(path, "running")
        try:
            output, then = yield from self._in_time(
                task, lambda: self._body(task, value, path, names, branch), branch
            )
            output = self._shaped(task, output, names)
        except Fault as fault:
            fault.error.setdefault("instance", _MARKS.sub("", path))
            self._memory.note(path, "faulted")
            raise
        except End:
            self._memory.note(path, "completed")
            raise
        except LEAVING:
            self._memory.note(path, "cancelled")
            raise
        self._memory.note(path, "completed")
        return output, then or task.get("then")

    def _in_time(
        self,
        task: Mapping[str, Any],
        body: Callable[[], Generator[Want, Any, Any]],
        branch: Branch,
    ) -> Generator[Want, Any, Any]:
        if "timeout" not in task:
            return (yield from body())
        this = object()
        deadline = (self._memory.clock + task["timeout"]["after"]["hours"], this)
        branch.deadlines.append(deadline)
        try:
            return (yield from body())
        except TooLate as late:
            if late.task is not this:
                raise
            raise Fault({"type": ERRORS + "timeout", "status": 408}) from None
        finally:
            branch.deadlines.remove(deadline)

    def _body(
        self, task: Mapping[str, Any], value: Json, path: str, names: Names, branch: Branch
    ) -> Generator[Want, Any, Given]:
        match task:
            case {"set": given}:
                return self._say(given, value, names), None
            case {"raise": {"error": error}}:
                raise Fault(error)
            case {"switch": cases}:
                return value, self._case(cases, value, names)
            case {"try": tasks, "catch": catch}:
                return (yield from self._try(tasks, catch, value, path, names, branch))
            case _:
                return (yield from self._longer(task, value, path, names, branch)), None

    def _longer(
        self, task: Mapping[str, Any], value: Json, path: str, names: Names, branch: Branch
    ) -> Steps:
        """Do what may have to wait, and leads nowhere else."""
        match task:
            case {"wait": {"hours": hours}}:
                yield Timer(path, self._memory.clock + hours)
                output = value
            case {"call": "approval", "with": given}:
                output = yield from self._approval(given, path)
            case {"for": loop, "do": tasks}:
                output = yield from self._loop(task, loop, tasks, value, path, names, branch)
            case {"do": tasks}:
                output, _ = yield from self._list(tasks, value, f"{path}/do", names, branch)
            case {"fork": fork}:
                output = yield self._branches(fork, value, path, names)
            case {"listen": listen}:
                output = yield from self._listen(task, listen, path, names, branch)
            case _:
                raise AssertionError(f"the model does not know {task}")
        return output

    def _case(self, cases: Tasks, value: Json, names: Names) -> str | None:
        written = [next(iter(each.values())) for each in cases]
        for case in written:
            if "when" in case and self._say(case["when"], value, names):
                return str(case["then"])
        return next((case["then"] for case in written if "when" not in case), None)

    def _loop(
        self,
        task: Mapping[str, Any],
        loop: Mapping[str, Any],
        tasks: Tasks,
        value: Json,
        path: str,
        names: Names,
        branch: Branch,
    ) -> Steps:
        for turn, item in enumerate(self._say(loop["in"], value, names)):
            inner = {**names, loop["each"]: item, "index": turn}
            if "while" in task and not self._say(task["while"], value, inner):
                break
            value, _ = yield from self._list(tasks, value, f"{path}#{turn}/do", inner, branch)
        return value

    def _branches(self, fork: Mapping[str, Any], value: Json, path: str, names: Names) -> Branches:
        def maker(number: int, task: Mapping[str, Any]) -> Callable[[Branch], Steps]:
            def steps(branch: Branch) -> Steps:
                ((name, body),) = task.items()
                yield Begin()
                place = f"{path}/fork/branches/{number}/{name}"
                output, then = yield from self._task(body, value, place, names, branch)
                if then == "end":
                    raise End(output)
                return output

            return steps

        return Branches(
            [maker(number, task) for number, task in enumerate(fork["branches"])],
            fork.get("compete", False),
        )

    def _try(
        self,
        tasks: Tasks,
        catch: Mapping[str, Any],
        value: Json,
        path: str,
        names: Names,
        branch: Branch,
    ) -> Generator[Want, Any, Given]:
        attempt = 1
        while True:
            mark = f"!{attempt}" if attempt > 1 else ""
            try:
                output, _ = yield from self._list(tasks, value, f"{path}{mark}/try", names, branch)
            except Fault as fault:
                inner = {**names, "error": fault.error}
                if not self._catches(catch, fault.error, value, inner):
                    raise
                retry = catch.get("retry")
                if retry is not None and attempt < retry["limit"]["attempt"]["count"]:
                    pause = retry["delay"]["hours"] * _growth(retry, attempt)
                    yield Timer(path, self._memory.clock + pause, seen=False)
                    attempt += 1
                    continue
                if "do" not in catch:
                    if retry is not None and "then" not in catch:
                        raise
                    return value, catch.get("then")
                output, _ = yield from self._list(
                    catch["do"], value, f"{path}/catch/do", inner, branch
                )
                return output, catch.get("then")
            return output, None

    def _catches(
        self, catch: Mapping[str, Any], error: Mapping[str, Json], value: Json, names: Names
    ) -> bool:
        wanted = catch.get("errors", {}).get("with", {})
        if any(error.get(key) != each for key, each in wanted.items()):
            return False
        return "when" not in catch or bool(self._say(catch["when"], value, names))

    def _approval(self, given: Mapping[str, Any], path: str) -> Steps:
        timeout = given.get("timeout")
        due = self._memory.clock + timeout["after"]["hours"] if timeout else None
        decision = Decision(path, given.get("quorum", 1), due)
        approved = yield decision
        if approved is None:
            assert timeout is not None
            if timeout["then"] == "default":
                return timeout["value"]
            approved = timeout["then"] == "approve"
        if not approved and given.get("onReject") != "continue":
            raise Fault({"type": ERRORS + "authorization", "status": 403})
        return {"approved": approved, "votes": decision.votes}

    def _listen(
        self,
        task: Mapping[str, Any],
        listen: Mapping[str, Any],
        path: str,
        names: Names,
        branch: Branch,
    ) -> Steps:
        hearing = Hearing(listen["to"], path, self._memory.inbox, partial(self._say, names=names))
        return (
            yield from hearing.steps(
                lambda data, index: self._each(task, data, index, path, names, branch)
            )
        )

    def _each(
        self,
        task: Mapping[str, Any],
        data: Json,
        index: int,
        path: str,
        names: Names,
        branch: Branch,
    ) -> Steps:
        if "foreach" not in task:
            return data
        each = task["foreach"]
        inner = {**names, each["item"]: data, each["at"]: index}
        place = f"{path}#{index}/foreach/do"
        output, _ = yield from self._list(each["do"], data, place, inner, branch)
        return output

    def _shaped(self, task: Mapping[str, Any], output: Json, names: Names) -> Json:
        if "output" in task:
            output = self._say(task["output"]["as"], output, names)
        if "export" in task:
            self._memory.context = self._say(task["export"]["as"], output, names)
        return output

    def _say(self, saying: Any, value: Json, names: Names) -> Json:
        return saying.meaning(value, {**names, "context": self._memory.context})


def _growth(retry: Mapping[str, Any], attempt: int) -> int:
    backoff = retry.get("backoff", {})
    if "exponential" in backoff:
        return int(2 ** (attempt - 1))
    return attempt if "linear" in backoff else 1
