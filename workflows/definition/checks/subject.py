"""What checks look at: the definition as models and as written, and every task where it stands."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias, TypeVar

from foundation.json import JsonObject, JsonValue
from workflows.definition.checks.fields import FieldAt, fields_of
from workflows.definition.elsewhere.things import FrozenPart
from workflows.definition.findings import Path, Problem
from workflows.definition.models import (
    CallAsyncApi,
    Definition,
    DoTask,
    ForkTask,
    ForTask,
    ListenTask,
    SubscriptionIterator,
    TaskBase,
    TaskList,
    TryTask,
)
from workflows.definition.off import NOTHING_OFF, Off
from workflows.definition.pruning import Pruned
from workflows.definition.tools import Tools

T = TypeVar("T")

Variables: TypeAlias = frozenset[str]
# Who checks for no tenant: everything may be used.


@dataclass(frozen=True)
class Scope:
    """A list of tasks: what `then` can lead to, and which variables its tasks see.

    Attributes:
        kind: Tasks of a sequence run one after the other, branches at the same time.
        variables: Of the loops and catches around, besides those that every task has.
    """

    path: Path
    tasks: TaskList
    kind: Literal["sequence", "branches"]
    variables: Variables = frozenset()

    def sites(self) -> tuple["Site", ...]:
        """Return the tasks; most checks ask."""
        return self._sites

    @cached_property
    def _sites(self) -> tuple["Site", ...]:
        return tuple(
            Site(self, (*self.path, index, item.name), item.name, item.task)
            for index, item in enumerate(self.tasks)
        )


@dataclass(frozen=True)
class Site:
    """One task where it stands.

    Attributes:
        scope: The list it is in; None for the task of a function.
    """

    scope: Scope | None
    path: Path
    name: str
    task: TaskBase

    @property
    def variables(self) -> Variables:
        """Variables of the loops and catches around this task."""
        return self.scope.variables if self.scope else frozenset()


@dataclass(frozen=True)
class Subject:
    """One definition under check.

    Attributes:
        off: What the tenant may not use, and how that changes.
        parts: What of it was fetched from elsewhere.
        tools: What registered tools take; None where nothing is registered.
    """

    pruned: Pruned
    definition: Definition
    off: Off = NOTHING_OFF
    parts: Sequence[FrozenPart] = ()
    tools: Tools | None = None
    _found: dict[object, tuple[Any, ...]] = field(default_factory=dict, repr=False, compare=False)

    def once(self, find: Callable[["Subject"], Iterator[T]]) -> tuple[T, ...]:
        """Return what a function finds in this definition; several checks ask, it looks once."""
        found = self._found.get(find)
        if found is None:
            found = self._found[find] = tuple(find(self))
        return found

    @cached_property
    def scopes(self) -> tuple[Scope, ...]:
        """Every list of tasks, outer ones first."""
        return tuple(_scopes(self.definition))

    @cached_property
    def functions(self) -> tuple[Site, ...]:
        """The tasks of `use.functions`."""
        return tuple(
            Site(None, ("use", "functions", name), name, task)
            for name, task in self.definition.use.functions.items()
        )

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Every task."""
        return (*self.functions, *(site for scope in self.scopes for site in scope.sites()))

    @cached_property
    def fields(self) -> tuple[FieldAt, ...]:
        """Every field that is written."""
        return tuple(fields_of(self.definition))

    def foreign(self, path: Path) -> FrozenPart | None:
        """Return the fetched function that a path leads into."""
        return self._functions_from_elsewhere.get(path[:3])

    @cached_property
    def _functions_from_elsewhere(self) -> Mapping[Path, FrozenPart]:
        return {part.path: part for part in self.parts if part.origin.kind == "function"}

    def is_unreadable(self, site: Site) -> bool:
        """Tell whether a task is a stand-in for one of the wrong shape."""
        path = site.path
        return bool({path, path[:-1]} & self.pruned.unreadable)

    def names(self, section: str) -> frozenset[str]:
        """Name what `use.<section>` declares, readable or not."""
        use = self.pruned.original.get("use")
        entries = use.get(section) if isinstance(use, dict) else None
        if isinstance(entries, list):
            return frozenset(each for each in entries if isinstance(each, str))
        return frozenset(entries) if isinstance(entries, dict) else frozenset()

    def raw(self, path: Path) -> JsonObject:
        """Return the object at a path, as written; empty when there is none."""
        value: Any = self.pruned.document
        for token in path:
            value = value[token]
        return value if isinstance(value, dict) else {}


Check: TypeAlias = Callable[[Subject], Iterator[Problem]]


def _scopes(definition: Definition) -> Iterator[Scope]:
    yield from _with_inner(Scope(("do",), definition.do, "sequence"))
    at_the_end = definition.document.millwright.finally_
    if at_the_end is not None:
        path: Path = ("document", "metadata", "millwright", "finally")
        yield from _with_inner(Scope(path, at_the_end, "sequence"))
    for name, task in definition.use.functions.items():
        yield from _inside(task, ("use", "functions", name), frozenset())
    for index, item in enumerate(definition.use.extensions):
        path = ("use", "extensions", index, item.name)
        for key, tasks in (("before", item.extension.before), ("after", item.extension.after)):
            yield from _with_inner(Scope((*path, key), tasks or (), "sequence"))


def _with_inner(scope: Scope) -> Iterator[Scope]:
    yield scope
    for site in scope.sites():
        yield from _inside(site.task, site.path, scope.variables)


def _inside(task: TaskBase, path: Path, variables: Variables) -> Iterator[Scope]:
    """Find the lists of tasks that a task has; no recursion deeper than the document nests."""
    undoing = task.millwright.compensate
    if isinstance(undoing, tuple):
        # It runs when the loops and catches around are over.
        at = (*path, "metadata", "millwright", "compensate")
        yield from _with_inner(Scope(at, undoing, "sequence"))
    match task:
        case DoTask(do=tasks):
            yield from _with_inner(Scope((*path, "do"), tasks, "sequence", variables))
        case ForTask(for_=loop, do=tasks):
            inner = variables | {loop.each, loop.at}
            yield from _with_inner(Scope((*path, "do"), tasks, "sequence", inner))
        case ForkTask(fork=fork):
            branches = Scope((*path, "fork", "branches"), fork.branches, "branches", variables)
            yield from _with_inner(branches)
        case TryTask(try_=tasks, catch=catch):
            yield from _with_inner(Scope((*path, "try"), tasks, "sequence", variables))
            inner = variables | {catch.as_}
            handler = Scope((*path, "catch", "do"), catch.do or (), "sequence", inner)
            yield from _with_inner(handler)
        case ListenTask(foreach=SubscriptionIterator() as foreach):
            yield from _of_iterator(foreach, (*path, "foreach"), variables)
        case CallAsyncApi(with_=given) if given.subscription and given.subscription.foreach:
            inner_path = (*path, "with", "subscription", "foreach")
            yield from _of_iterator(given.subscription.foreach, inner_path, variables)
        case _:
            pass  # the other kinds contain no tasks


def _of_iterator(
    foreach: SubscriptionIterator, path: Path, variables: Variables
) -> Iterator[Scope]:
    inner = variables | {foreach.item, foreach.at}
    yield from _with_inner(Scope((*path, "do"), foreach.do or (), "sequence", inner))


def texts(value: JsonValue, path: Path) -> Iterator[tuple[Path, str]]:
    """Go through all texts in a value."""
    pending: list[tuple[Path, JsonValue]] = [(path, value)]
    while pending:
        here, found = pending.pop()
        if isinstance(found, str):
            yield here, found
        elif isinstance(found, Mapping):
            pending.extend(((*here, key), item) for key, item in found.items())
        elif isinstance(found, list):
            pending.extend(((*here, index), item) for index, item in enumerate(found))
