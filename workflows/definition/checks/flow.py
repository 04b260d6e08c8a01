"""Where tasks lead: names, targets of `then`, tasks that nothing leads to, loops without end."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from workflows.definition.checks.subject import Scope, Site, Subject
from workflows.definition.findings import Code, Path, Problem, did_you_mean, shown
from workflows.definition.models import (
    DoTask,
    EmitTask,
    ForkSpec,
    RaiseTask,
    SetTask,
    SwitchTask,
    TaskBase,
    TryTask,
)
from workflows.definition.models.tasks import kinds_in

CONTINUE: Final = "continue"
EXIT: Final = "exit"
LEAVING: Final = frozenset({EXIT, "end"})
DIRECTIVES: Final = LEAVING | {CONTINUE}
_COMPOSITE: Final = frozenset({"do", "for", "fork", "try"})


class Jump(NamedTuple):
    """One `then`: where it stands and what it says."""

    path: Path
    target: str


def jumps(site: Site) -> Iterator[Jump]:
    """Go through everything in a task that says where to go next."""
    task = site.task
    if task.then is not None:
        yield Jump((*site.path, "then"), task.then)
    if isinstance(task, SwitchTask):
        for index, case in enumerate(task.switch):
            yield Jump((*site.path, "switch", index, case.name, "then"), case.then)
    if isinstance(task, TryTask) and task.catch.then is not None:
        yield Jump((*site.path, "catch", "then"), task.catch.then)


def check_names(subject: Subject) -> Iterator[Problem]:
    """Find tasks that cannot be told apart from others or from directives."""
    for scope in subject.scopes:
        seen: set[str] = set()
        for site in scope.sites():
            if site.name in DIRECTIVES:
                yield Problem(
                    Code.RESERVED_NAME,
                    site.path,
                    f"A task cannot be called {shown(site.name)}: 'then' would mean the directive. "
                    "Rename it.",
                )
            if site.name in seen:
                yield Problem(
                    Code.DUPLICATE_NAME,
                    site.path,
                    f"There is another task called {shown(site.name)} in this list. Rename one.",
                )
            seen.add(site.name)


def check_targets(subject: Subject) -> Iterator[Problem]:
    """Find jumps to tasks that are not there."""
    for scope in subject.scopes:
        names = frozenset(item.name for item in scope.tasks)
        for site in scope.sites():
            for jump in jumps(site):
                if jump.target not in DIRECTIVES and (
                    jump.target not in names or scope.kind == "branches"
                ):
                    yield Problem(Code.UNKNOWN_TARGET, jump.path, _no_target(scope, names, jump))
    for site in subject.functions:
        for jump in jumps(site):
            if jump.target != CONTINUE:
                message = "A function is one task. Put the 'then' at the task that calls it."
                yield Problem(Code.UNKNOWN_TARGET, jump.path, message)


def _no_target(scope: Scope, names: frozenset[str], jump: Jump) -> str:
    if scope.kind == "branches":
        return (
            "Branches run at the same time, so one cannot lead to another. Use 'continue', 'exit' "
            "or 'end', or put the tasks into a 'do' inside the branch."
        )
    hint = did_you_mean(jump.target, names)
    return (
        f"There is no task called {shown(jump.target)} in this list. 'then' can name a task of the "
        f"same list, or say 'continue', 'exit' or 'end'.{hint}"
    )


def check_reachability(subject: Subject) -> Iterator[Problem]:
    """Find tasks that nothing leads to; only odd, since the language allows them."""
    for scope in subject.scopes:
        if scope.kind == "branches":
            continue
        sites = list(scope.sites())
        reached = _reached(subject, sites)
        for index, site in enumerate(sites):
            # Of several in a row only the first is news.
            is_first = index - 1 in reached
            if index not in reached and is_first and not subject.is_unreadable(site):
                yield Problem(
                    Code.UNREACHABLE_TASK,
                    site.path,
                    f"Nothing leads to the task {shown(site.name)}, so it is never executed: the "
                    "task before it goes elsewhere. Remove it, or let a 'then' name it.",
                )


def _reached(subject: Subject, sites: list[Site]) -> set[int]:
    positions = {site.name: index for index, site in enumerate(sites)}
    reached: set[int] = set()
    pending = [0] if sites else []
    while pending:
        index = pending.pop()
        if index in reached or index >= len(sites):
            continue
        reached.add(index)
        for target in _targets(subject, sites[index]):
            if target in positions:
                pending.append(positions[target])
            elif target not in LEAVING:
                # Also when the target does not exist: that is reported by itself.
                pending.append(index + 1)
    return reached


def _targets(subject: Subject, site: Site) -> Iterator[str]:
    """Name everything a task may lead to. When in doubt too much, never too little."""
    task = site.task
    if task.if_ is not None or subject.is_unreadable(site):
        yield CONTINUE
    for jump in jumps(site):
        # With a default case the task's own `then` is never asked; naming it all the same is
        # harmless here.
        yield jump.target
    if task.then is None and (_can_continue(task) or _is_replaceable(subject, site)):
        yield CONTINUE


def _can_continue(task: TaskBase) -> bool:
    match task:
        case RaiseTask():
            return False
        case SwitchTask(switch=cases):
            return all(case.when is not None for case in cases)
        case _:
            return True


def _is_replaceable(subject: Subject, site: Site) -> bool:
    """Tell whether an extension may do something else instead of a task, and then go on."""
    return any(
        is_replacing and _is_around(extended, subject, site)
        for extended, is_replacing in subject.once(_extended)
    )


def _is_extended(subject: Subject, site: Site) -> bool:
    """Tell whether an extension may do something around a task or in it, such as to wait."""
    inner = site.task.do if isinstance(site.task, DoTask) else ()
    sites = (site, *Scope((*site.path, "do"), inner, "sequence").sites())
    return any(
        _is_around(extended, subject, each)
        for extended, _ in subject.once(_extended)
        for each in sites
    )


def _extended(subject: Subject) -> Iterator[tuple[str, bool]]:
    """Name what has tasks around it, and tell whether these can take its place."""
    for index, item in enumerate(subject.definition.use.extensions):
        before, after = item.extension.before or (), item.extension.after or ()
        if before or after:
            at = ("use", "extensions", index, item.name, "before")
            ways = {
                jump.target
                for site in Scope(at, before, "sequence").sites()
                for jump in jumps(site)
            }
            yield item.extension.extend, EXIT in ways


def _is_of_extension(path: Path) -> bool:
    return path[:2] == ("use", "extensions")


def _is_around(extended: str, subject: Subject, site: Site) -> bool:
    if _is_of_extension(site.path):
        return False  # tasks of extensions have nothing around them
    kinds = kinds_in(subject.raw(site.path))
    return extended in {"all", *kinds} or (
        extended == "composite" and not _COMPOSITE.isdisjoint(kinds)
    )


def check_endless_loops(subject: Subject) -> Iterator[Problem]:
    """Find loops that surely never end and never pause: they would only burn the worker."""
    for scope in subject.scopes:
        if scope.kind == "branches":
            continue
        sites = list(scope.sites())
        positions = {site.name: index for index, site in enumerate(sites)}
        onward = [_only_way_on(subject, sites, positions, index) for index in range(len(sites))]
        for index in _loop_entries(onward):
            yield Problem(
                Code.ENDLESS_LOOP,
                sites[index].path,
                f"From {shown(sites[index].name)} the tasks lead back to it for ever, without a "
                "condition and without waiting. Add a 'switch' or an 'if' that leaves the loop.",
            )


def _only_way_on(
    subject: Subject, sites: list[Site], positions: dict[str, int], index: int
) -> int | None:
    """Return the task that surely follows at once; None when that is not sure."""
    site = sites[index]
    if site.task.if_ is not None or subject.is_unreadable(site) or not _is_instant(site.task):
        return None
    if _is_extended(subject, site):
        return None
    target = site.task.then or CONTINUE
    if isinstance(site.task, SwitchTask):
        (case, *others) = site.task.switch
        if others or case.when is not None:
            return None
        target = case.then
    if target == CONTINUE:
        return index + 1 if index + 1 < len(sites) else None
    return positions.get(target)


def _is_instant(task: TaskBase) -> bool:
    match task:
        case SetTask() | EmitTask() | SwitchTask():
            return True
        case DoTask(do=items):
            plain = (item.task for item in items)
            return all(
                isinstance(inner, (SetTask, EmitTask)) and inner.then is None for inner in plain
            )
        case _:
            return False


def _loop_entries(onward: list[int | None]) -> Iterator[int]:
    """Return one task of each loop: the first of it in the document."""
    done: set[int] = set()
    for start in range(len(onward)):
        way: list[int] = []
        here: int | None = start
        while here is not None and here not in done:
            done.add(here)
            way.append(here)
            here = onward[here]
        if here is not None and here in way:
            yield min(way[way.index(here) :])


def check_forks(subject: Subject) -> Iterator[Problem]:
    """Find competitions that nobody can win."""
    for field in subject.fields:
        if isinstance(field.value, ForkSpec) and field.value.compete and not field.value.branches:
            message = "A competition needs at least one branch."
            yield Problem(Code.WRONG_VALUE, (*field.path, "branches"), message)
