"""A reference model of the language: what an instance does, from the text of the DSL alone.

No Temporal, no time but a number of hours, no code of ours. Branches are generators that yield what
they wait for; whatever happens to an instance (an event, a decision, time, a pause) goes on with
those it concerns until nothing moves any more.

What it knows: do, for, fork, listen, raise, set, switch, try, wait, approvals; `if`, `then`,
`timeout`, `output.as`, `export.as`. Where branches that move at the same moment decide by their
speed how a fork ends, any outcome would be right: the model gives up (`Race`).
"""

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

Json: TypeAlias = Any
Tasks: TypeAlias = Sequence[Mapping[str, Any]]
Names: TypeAlias = Mapping[str, Json]
Given: TypeAlias = tuple[Json, str | None]

_MARKS = re.compile(r"[#!*]\d+")
# Moments closer to each other than this (hours) may come in any order.
TOGETHER = 0.5
ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"
ENOUGH_STEPS = 400


class Race(Exception):  # noqa: N818 - not an error
    """Speed decides."""


class Fault(Exception):  # noqa: N818 - the word of the language
    """An error on its way up."""

    def __init__(self, error: Mapping[str, Json]) -> None:
        super().__init__(error)
        self.error = dict(error)


class End(Exception):  # noqa: N818 - not an error
    """`then: end`."""

    def __init__(self, output: Json) -> None:
        super().__init__(output)
        self.output = output


class Cancelled(Exception):  # noqa: N818 - not an error
    """Nobody needs it any more."""


class TooLate(Exception):  # noqa: N818 - not an error
    """The time of a task is over."""

    def __init__(self, task: object) -> None:
        super().__init__(task)
        self.task = task


_LEAVING = (Cancelled, TooLate)


@dataclass(eq=False)
class Begin:
    """A task is about to begin; a paused instance begins none."""


@dataclass(eq=False)
class Timer:
    """So long; `seen` by people, or the pause before an attempt."""

    path: str
    due: float
    seen: bool = True


@dataclass(eq=False)
class Events:
    """More events."""

    path: str
    types: list[str]
    seen: int


@dataclass(eq=False)
class Decision:
    """What people say."""

    path: str
    quorum: int
    due: float | None
    votes: list[bool] = field(default_factory=list)


@dataclass(eq=False)
class Branches:
    """All of them, or the first."""

    makers: Sequence[Callable[["Branch"], "Steps"]]
    compete: bool


Want: TypeAlias = Begin | Timer | Events | Decision | Branches
Steps: TypeAlias = Generator[Want, Any, Json]


@dataclass(eq=False)
class Branch:
    """One line of tasks after each other."""

    parent: "Branch | None"
    steps: Steps = field(init=False)
    want: Want | None = None
    children: list["Branch"] = field(default_factory=list)
    deadlines: list[tuple[float, object]] = field(default_factory=list)
    moved: int = 0
    began: int = 0
    ended: bool = False
    result: Json = None
    fault: Fault | None = None
    ended_as: int = 0


@dataclass(frozen=True)
class Outcome:
    """How an instance ended."""

    status: str
    output: Json = None
    error: Mapping[str, Json] | None = None


class Instance:
    """One instance of a definition.

    Attributes:
        clock: Hours since it began.
        notes: What happened to executions, by the branch in which they are: path and state.
        outcome: How it ended.
        paused: Somebody wants it to begin no task.
    """

    def __init__(self, document: Mapping[str, Any], value: Json) -> None:
        self.document = document
        self.context = value
        self.clock = 0.0
        self.paused = False
        self.notes: dict[str, list[tuple[str, str]]] = {}
        self.outcome: Outcome | None = None
        self._moment = 1
        self._ends = 0
        self._steps = 0
        self._inbox: list[tuple[str, Json]] = []
        self._used: set[int] = set()
        self._root = Branch(None)
        self._root.steps = self._whole(value, self._root)
        self._go(self._root)

    # What can be seen.

    def waiting(self) -> list[Timer | Events | Decision]:
        """Return what branches wait for, as far as people are told."""
        return [
            want
            for branch in self._leaves()
            if isinstance(want := branch.want, (Events, Decision))
            or (isinstance(want, Timer) and want.seen)
        ]

    @property
    def status(self) -> str:
        """What it is doing, in the words of the REST interface."""
        if self.outcome is not None:
            return self.outcome.status
        if self.paused:
            return "PAUSED"
        return "WAITING" if len(self.waiting()) == len(list(self._leaves())) else "RUNNING"

    def due(self) -> list[float]:
        """Return when something happens by itself, the next moment first."""
        moments: list[float] = []
        for branch in self._all():
            moments += [due for due, _ in branch.deadlines]
            if isinstance(branch.want, (Timer, Decision)) and branch.want.due is not None:
                moments.append(branch.want.due)
        return sorted(moments)

    def clear(self) -> bool:
        """Tell whether it is clear what happens next by itself."""
        due = self.due()
        return bool(due) and (len(due) == 1 or due[1] - due[0] > TOGETHER)

    # What happens to it.

    def send(self, type_: str, data: Json) -> None:
        """Send an event."""
        self._moment += 1
        self._inbox.append((type_, data))
        self._wake()

    def decide(self, decision: Decision, *, approves: bool) -> None:
        """Say something to an approval."""
        self._moment += 1
        decision.votes.append(approves)
        if not approves or sum(decision.votes) >= decision.quorum:
            branch = next(each for each in self._leaves() if each.want is decision)
            self._go(branch, approves)

    def advance(self) -> float:
        """Let time pass until something happens; return how long that is."""
        self._moment += 1
        before, self.clock = self.clock, self.due()[0]
        for branch in self._all():
            for due, task in branch.deadlines:
                if due == self.clock:
                    self._throw(branch, TooLate(task))
                    return self.clock - before
            if isinstance(branch.want, (Timer, Decision)) and branch.want.due == self.clock:
                self._go(branch)
                return self.clock - before
        raise AssertionError("nothing was due")

    def pause(self) -> None:
        """Begin no further task."""
        self.paused = True

    def resume(self) -> None:
        """Go on."""
        self._moment += 1
        self.paused = False
        # All of them at once, and who is the first nobody knows.
        held = [each for each in self._leaves() if self._is_held(each.want)]
        for branch in held:
            branch.moved = self._moment
        for branch in held:
            if not branch.ended:
                self._go(branch)

    def cancel(self) -> None:
        """Stop."""
        self._moment += 1
        self._cancel(self._root)
        self.outcome = Outcome("CANCELLED")

    # Branches.

    def _all(self) -> Iterator[Branch]:
        waiting = [self._root]
        while waiting:
            branch = waiting.pop()
            if not branch.ended:
                yield branch
                waiting += branch.children

    def _leaves(self) -> Iterator[Branch]:
        return (each for each in self._all() if not isinstance(each.want, Branches))

    def _wake(self) -> None:
        if self.paused:
            return
        for branch in list(self._leaves()):
            if isinstance(branch.want, Events) and not branch.ended:
                self._go(branch)

    def _is_held(self, want: Want | None) -> bool:
        if isinstance(want, Events):
            return self._next_event(want.seen, want.types) is not None
        return isinstance(want, Begin)

    def _go(self, branch: Branch, given: Any = None) -> None:
        self._advance(branch, lambda: branch.steps.send(given))

    def _throw(self, branch: Branch, error: Exception) -> None:
        for child in branch.children:
            self._cancel(child)
        self._advance(branch, lambda: branch.steps.throw(error))

    def _advance(self, branch: Branch, move: Callable[[], Want]) -> None:
        try:
            while True:
                self._steps += 1
                if self._steps > ENOUGH_STEPS:
                    raise Race
                before, branch.want = branch.want, move()
                if not (isinstance(before, Events) and isinstance(branch.want, Events)):
                    branch.moved = self._moment
                match branch.want:
                    case Begin() if not self.paused:
                        move = partial(branch.steps.send, None)
                    case Branches() as fork:
                        self._fork(branch, fork)
                        return
                    case _:
                        return
        except StopIteration as stop:
            self._ended(branch, result=stop.value)
        except Fault as fault:
            self._ended(branch, fault=fault)
        except End as end:
            self._ended(branch, end=end)

    def _fork(self, branch: Branch, fork: Branches) -> None:
        branch.children = [Branch(branch) for _ in fork.makers]
        for child, maker in zip(branch.children, fork.makers, strict=True):
            child.steps = maker(child)
            child.began = self._moment
        for child in list(branch.children):
            if not child.ended and branch.want is fork:
                self._go(child)

    def _ended(
        self,
        branch: Branch,
        *,
        result: Json = None,
        fault: Fault | None = None,
        end: End | None = None,
    ) -> None:
        branch.ended, branch.want = True, None
        self._ends += 1
        branch.result, branch.fault, branch.ended_as = result, fault, self._ends
        parent = branch.parent
        if parent is None:
            self._over(result, fault, end)
            return
        fork, siblings = parent.want, parent.children
        assert isinstance(fork, Branches)
        rest = [each for each in siblings if not each.ended]
        if end is not None:
            self._decided(branch, rest)
            self._throw(parent, end)
        elif fork.compete:
            if fault is None:
                self._decided(branch, rest)
                self._close(rest)
                parent.children = []
                self._go(parent, result)
            elif not rest:
                first = min(siblings, key=lambda each: each.ended_as)
                parent.children = []
                assert first.fault is not None
                self._throw(parent, Fault(first.fault.error))
        elif fault is not None:
            self._decided(branch, rest)
            self._throw(parent, fault)
        elif not rest:
            parent.children = []
            self._go(parent, [each.result for each in siblings])

    def _decided(self, branch: Branch, rest: Sequence[Branch]) -> None:
        """Check that nobody else moves, who might have been faster."""
        parent = branch.parent
        assert parent is not None
        together = [
            each
            for each in parent.children
            if each is not branch and (not each.ended or each.began == self._moment)
        ]
        if branch.began == self._moment and together:
            raise Race
        if any(inner.moved == self._moment for each in rest for inner in _below(each)):
            raise Race

    def _close(self, branches: Sequence[Branch]) -> None:
        for each in branches:
            self._cancel(each)

    def _cancel(self, branch: Branch) -> None:
        if branch.ended:
            return
        for child in branch.children:
            self._cancel(child)
        branch.ended, branch.want = True, None
        try:
            branch.steps.throw(Cancelled())
        except (Cancelled, StopIteration):
            return
        raise AssertionError("it went on although it was cancelled")

    def _over(self, result: Json, fault: Fault | None, end: End | None) -> None:
        if fault is not None:
            self.outcome = Outcome("FAILED", error=fault.error)
        elif end is None:
            self.outcome = Outcome("COMPLETED", output=result)

    # The language.

    def _whole(self, value: Json, branch: Branch) -> Steps:
        document = self.document

        def body() -> Steps:
            try:
                output, _ = yield from self._list(document["do"], value, "/do", {}, branch)
            except End as end:
                return end.output
            return output

        try:
            output = yield from self._in_time(document, body, branch)
        except Fault as fault:
            fault.error.setdefault("instance", "/")
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
            self._note(path, "skipped")
            return value, None
        self._note(path, "running")
        try:
            output, then = yield from self._in_time(
                task, lambda: self._body(task, value, path, names, branch), branch
            )
            output = self._shaped(task, output, names)
        except Fault as fault:
            fault.error.setdefault("instance", _MARKS.sub("", path))
            self._note(path, "faulted")
            raise
        except End:
            self._note(path, "completed")
            raise
        except _LEAVING:
            self._note(path, "cancelled")
            raise
        self._note(path, "completed")
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
        deadline = (self.clock + task["timeout"]["after"]["hours"], this)
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
                yield Timer(path, self.clock + hours)
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
                    yield Timer(path, self.clock + pause, seen=False)
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
        due = self.clock + timeout["after"]["hours"] if timeout else None
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
        to = listen["to"]
        filters: Sequence[Mapping[str, Any]] = (
            [to["one"]] if "one" in to else to.get("any", to.get("all"))
        )
        until = to.get("until")
        ending = until["one"] if isinstance(until, Mapping) else None
        types = [each["with"]["type"] for each in filters]
        if ending is not None:
            types.append(ending["with"]["type"])
        met: set[int] = set()
        outputs: list[Json] = []
        over = False
        seen = -1
        while not over and not self._enough(to, filters, met, outputs, names):
            found = self._next_event(seen, types)
            if found is None:
                yield Events(path, types, seen)
                continue
            seen = found
            type_, data = self._inbox[found]
            if ending is not None and type_ == ending["with"]["type"]:
                self._used.add(found)
                over = True
                continue
            number = self._meant(filters, met, type_, data, names, every="all" in to)
            if number is None:
                continue
            met.add(number)
            self._used.add(found)
            outputs.append((yield from self._each(task, data, len(outputs), path, names, branch)))
        return outputs

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

    def _next_event(self, seen: int, types: Sequence[str]) -> int | None:
        return next(
            (
                number
                for number, (type_, _) in enumerate(self._inbox)
                if number > seen and number not in self._used and type_ in types
            ),
            None,
        )

    def _meant(
        self,
        filters: Sequence[Mapping[str, Any]],
        met: set[int],
        type_: str,
        data: Json,
        names: Names,
        *,
        every: bool,
    ) -> int | None:
        for number, each in enumerate(filters):
            if every and number in met:
                continue
            wanted = each["with"]
            if wanted["type"] == type_ and (
                "data" not in wanted or self._say(wanted["data"], data, names)
            ):
                return number
        return None

    def _enough(
        self,
        to: Mapping[str, Any],
        filters: Sequence[Mapping[str, Any]],
        met: set[int],
        outputs: list[Json],
        names: Names,
    ) -> bool:
        until = to.get("until")
        if isinstance(until, str):
            return bool(self._say(until, outputs, names))
        if until is not None:
            return False
        return len(met) == len(filters) if "all" in to else bool(met)

    def _shaped(self, task: Mapping[str, Any], output: Json, names: Names) -> Json:
        if "output" in task:
            output = self._say(task["output"]["as"], output, names)
        if "export" in task:
            self.context = self._say(task["export"]["as"], output, names)
        return output

    def _say(self, saying: Any, value: Json, names: Names) -> Json:
        return saying.meaning(value, {**names, "context": self.context})

    def _note(self, path: str, state: str) -> None:
        self.notes.setdefault(branch_of(path), []).append((path, state))


def branch_of(path: str) -> str:
    """Name the branch in which an execution is: up to the innermost fork."""
    found = re.match(r".*/fork/branches/\d+", path)
    return found.group() if found else ""


def _below(branch: Branch) -> Iterator[Branch]:
    yield branch
    for child in branch.children:
        yield from _below(child)


def _growth(retry: Mapping[str, Any], attempt: int) -> int:
    backoff = retry.get("backoff", {})
    if "exponential" in backoff:
        return int(2 ** (attempt - 1))
    return attempt if "linear" in backoff else 1
