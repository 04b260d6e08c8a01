"""A definition as a picture: a Mermaid flowchart, for people and for pages that render it.

Boxes are tasks, frames are tasks that contain tasks, edges are ways that a run can take.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from workflows.definition.models import (
    Definition,
    DoTask,
    DurationSpec,
    EventConsumption,
    ForkTask,
    ForTask,
    ListenTask,
    RaiseTask,
    Schedule,
    SwitchTask,
    TaskBase,
    TaskItem,
    TryTask,
)
from workflows.definition.models.tasks import kinds_in

START: Final = "start"
FINISH: Final = "finish"
SCHEDULE: Final = "schedule"
_CONDITION_CHARS: Final = 40


@dataclass(frozen=True, slots=True)
class _End:
    """A way that goes on to whatever comes next."""

    node: str
    label: str = ""


@dataclass(slots=True)
class _Part:
    """What a task or a list of tasks became.

    Attributes:
        entry: Where ways into it lead; None for an empty list.
        ends: Ways out of it.
    """

    entry: str | None
    ends: list[_End] = field(default_factory=list)


def mermaid(definition: Definition) -> str:
    """Draw a definition.

    Returns:
        The text of a Mermaid flowchart.
    """
    return "\n".join(_Drawing().drawn(definition)) + "\n"


def _whens(schedule: Schedule) -> Iterator[str]:
    """Say when a definition starts by itself."""
    for name, period in (("every", schedule.every), ("after", schedule.after)):
        if period is not None:
            yield f"{name} {_period(period)}"
    if schedule.cron is not None:
        yield f"cron {schedule.cron}"
    if schedule.on is not None:
        yield f"on {_events(schedule.on)}"


def _period(period: DurationSpec) -> str:
    if isinstance(period, str):
        return period
    parts = period.model_dump(exclude_none=True)
    return " ".join(f"{amount} {name}" for name, amount in parts.items())


def _events(on: EventConsumption) -> str:
    if on.one is not None:
        return str(on.one.with_.get("type", "an event"))
    between = " and " if on.all is not None else " or "
    filters = on.all if on.all is not None else on.any
    return (
        between.join(str(each.with_.get("type", "an event")) for each in filters or ())
        or "any event"
    )


class _Drawing:
    """One picture under way."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0
        self.depth = 1

    def drawn(self, definition: Definition) -> Iterator[str]:
        yield "flowchart TD"
        head = definition.document
        self.node(START, f"{head.namespace}.{head.name}<br/>{head.version}", "([", "])")
        if definition.schedule is not None:
            self.node(SCHEDULE, "<br/>".join(_whens(definition.schedule)), "{{", "}}")
            self.way(_End(SCHEDULE), START, arrow="-.->")
        whole = self.tasks(definition.do)
        self.way(_End(START), whole.entry or FINISH)
        for end in whole.ends if whole.entry else ():
            self.way(end, FINISH)
        self.node(FINISH, "end", "([", "])", escaped=False)
        yield from self.lines

    # Lines

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    def node(
        self, name: str, label: str, opening: str = "[", closing: str = "]", *, escaped: bool = True
    ) -> None:
        self.line(f'{name}{opening}"{_safe(label) if escaped else label}"{closing}')

    def way(self, end: _End, target: str, *, arrow: str = "-->") -> None:
        label = f'|"{_safe(end.label)}"|' if end.label else ""
        self.line(f"{end.node} {arrow}{label} {target}")

    def new(self) -> str:
        self.count += 1
        return f"t{self.count}"

    # Tasks

    def tasks(self, items: Sequence[TaskItem]) -> _Part:
        """Draw a list of tasks, one after the other."""
        parts = [self.task(item.name, item.task) for item in items]
        entries = {item.name: part.entry for item, part in zip(items, parts, strict=True)}
        leaving: list[_End] = []
        for index, (item, part) in enumerate(zip(items, parts, strict=True)):
            following = parts[index + 1].entry if index + 1 < len(parts) else None
            for end, then in self.directed(item.task, part):
                match then:
                    case None | "continue" if following is not None:
                        self.way(end, following)
                    case None | "continue" | "exit":
                        leaving.append(end)
                    case "end":
                        self.way(end, FINISH)
                    case name:
                        self.way(end, entries.get(name) or FINISH)
        return _Part(parts[0].entry if parts else None, leaving)

    def directed(self, task: TaskBase, part: _Part) -> Iterator[tuple[_End, str | None]]:
        """Go through the ways out of a task, each with the directive that it follows."""
        if isinstance(task, SwitchTask):
            (end,) = part.ends
            for case in task.switch:
                yield _End(end.node, case.when or "otherwise"), case.then
            if all(case.when for case in task.switch):
                yield _End(end.node, "otherwise"), task.then
            return
        for end in part.ends:
            yield end, task.then

    def task(self, name: str, task: TaskBase) -> _Part:
        """Draw one task."""
        match task:
            case DoTask(do=tasks):
                return self.framed(name, "do", tasks)
            case ForTask(for_=loop, do=tasks):
                items = loop.in_ if isinstance(loop.in_, str) else f"{len(loop.in_)} items"
                return self.looped(name, f"for each {loop.each} in {_short(items)}", tasks)
            case ForkTask(fork=fork):
                return self.forked(name, "race" if fork.compete else "fork", fork.branches)
            case TryTask():
                return self.tried(name, task)
            case ListenTask(foreach=each) if each is not None and each.do:
                return self.looped(name, "listen, for each event", each.do)
            case _:
                here = self.new()
                shape = ("{", "}") if isinstance(task, SwitchTask) else ("[", "]")
                self.node(here, _label(name, task), *shape)
                return _Part(here, [] if isinstance(task, RaiseTask) else [_End(here)])

    def frame(self, title: str) -> None:
        self.line(f'subgraph {self.new()}["{_safe(title)}"]')
        self.depth += 1

    def close(self) -> None:
        self.depth -= 1
        self.line("end")

    def framed(self, name: str, kind: str, tasks: Sequence[TaskItem]) -> _Part:
        self.frame(f"{name}: {kind}")
        inner = self.filled(self.tasks(tasks), kind)
        self.close()
        return inner

    def filled(self, part: _Part, label: str) -> _Part:
        """Give an empty list something that ways can lead to."""
        if part.entry is not None:
            return part
        here = self.new()
        self.node(here, label)
        return _Part(here, [_End(here)])

    def looped(self, name: str, label: str, tasks: Sequence[TaskItem]) -> _Part:
        self.frame(f"{name}: loop")
        head = self.new()
        self.node(head, label, "{{", "}}")
        inner = self.tasks(tasks)
        if inner.entry is not None:
            self.way(_End(head, "next"), inner.entry)
            for end in inner.ends:
                self.way(end, head)
        self.close()
        return _Part(head, [_End(head, "done")])

    def forked(self, name: str, kind: str, branches: Sequence[TaskItem]) -> _Part:
        self.frame(f"{name}: {kind}")
        head, join = self.new(), self.new()
        self.node(head, kind, "{{", "}}")
        for branch in branches:
            part = self.task(branch.name, branch.task)
            self.way(_End(head), part.entry or join)
            for end, _then in self.directed(branch.task, part):
                self.way(end, join)
        self.node(join, "first" if kind == "race" else "all", "{{", "}}")
        self.close()
        return _Part(head, [_End(join)])

    def tried(self, name: str, task: TryTask) -> _Part:
        self.frame(f"{name}: try")
        body = self.filled(self.tasks(task.try_), "nothing")
        self.close()
        handler = self.tasks(task.catch.do or ())
        label = "again, or catch" if task.catch.retry is not None else "catch"
        caught = handler.entry or self.new()
        if handler.entry is None:
            self.node(caught, "caught", "(", ")")
            handler.ends.append(_End(caught))
        self.way(_End(str(body.entry), label), caught, arrow="-.->")
        return _Part(body.entry, [*body.ends, *handler.ends])


def _label(name: str, task: TaskBase) -> str:
    raw = task.model_dump(by_alias=True)
    kind = next(iter(kinds_in(raw)), "")
    what = f"call {raw['call']}" if kind == "call" else kind
    condition = f"<br/>if {_short(task.if_)}" if task.if_ else ""
    return f"{name}<br/>{what}{condition}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _CONDITION_CHARS else f"{line[:_CONDITION_CHARS]}..."


def _safe(text: str) -> str:
    """Spell a text so that Mermaid takes it for nothing but text; our own line breaks stay."""
    escaped = "".join(
        sign if sign.isalnum() or sign in " .,:;-_/+*=" else f"#{ord(sign)};"
        for sign in text.replace("<br/>", "\n")
        if sign == "\n" or sign.isprintable()
    )
    return escaped.replace("#10;", "<br/>")
