"""From checked models to compiled steps: done once per definition and process, not per run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel

from foundation.json import JsonObject, ReadableJson
from foundation.schemas import Schema, compiled
from workflows.definition import (
    ConcurrencyLimit,
    Definition,
    RateLimit,
    Task,
    TaskList,
    TaskMetadata,
    TimeoutSpec,
    duration_seconds,
)
from workflows.expressions import (
    Expression,
    Template,
    Version,
    compile_expression,
    compile_template,
    expression_in,
)
from workflows.interpreter.calls import CALL_RETRY
from workflows.interpreter.durations import Delay
from workflows.interpreter.policy import DEFAULT, Limit, Policy, retry_policy
from workflows.interpreter.steps import Body, Extension, Filter, Step

Section: TypeAlias = Literal["authentications", "errors", "functions", "retries", "timeouts"]
# The `do` of a loop is its body, so `for` comes first.
_COMPOSITE: Final = frozenset({"do", "for", "fork", "try"})
_KINDS: Final = (
    "call",
    "set",
    "for",
    "do",
    "emit",
    "fork",
    "listen",
    "raise",
    "run",
    "switch",
    "try",
    "wait",
)


@dataclass(frozen=True)
class Unit:
    """What is being compiled: the whole definition, as models and as written.

    Attributes:
        version: What its expressions mean; the run pins it.
        undoing: What undoes tasks, by their reference; filled while compiling.
        extensions: What is around tasks, and around which; filled before these are compiled.
    """

    definition: Definition
    document: JsonObject
    version: Version
    compile_body: Callable[[Task, "Place"], Body]
    undoing: dict[str, Sequence[Step]] = field(default_factory=dict)
    extensions: list[tuple[str, Extension]] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """One task in the definition: what its compiler needs to know about where it stands.

    Attributes:
        reference: JSON pointer of the task.
        raw: The task as written.
    """

    unit: Unit
    reference: str
    raw: JsonObject

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that the definition declares."""
        return self.unit.definition.use.secrets

    def condition(self, text: str) -> Expression:
        """Compile a condition, with or without `${ }`."""
        source = expression_in(text)
        return compile_expression(text if source is None else source, self.unit.version)

    def template(self, value: ReadableJson, *, bare: bool = False) -> Template:
        """Compile a value; with `bare` a text at its top is an expression even without `${ }`."""
        return compile_template(value, bare=bare, version=self.unit.version)

    def shape(self, value: ReadableJson) -> Template | None:
        """Compile `from` or `as`, when it is there."""
        return None if value is None else self.template(value, bare=True)

    def delay(self, spec: Any) -> Delay:
        """Compile a duration."""
        return Delay.of(spec, self.template)

    def timeout(self, timeout: TimeoutSpec | str | None) -> Delay | None:
        """Compile a timeout; a name refers to `use.timeouts`."""
        if timeout is None:
            return None
        spec = self.used("timeouts", timeout) if isinstance(timeout, str) else timeout
        return self.delay(spec.after)

    def steps(self, tasks: TaskList, *path: str) -> Sequence[Step]:
        """Compile a list of tasks that stands at `path` below this task."""
        raw = dig(self.raw, path)
        return compile_steps(self.unit, tasks, raw, "/".join([self.reference, *path]))

    def used(self, section: Section, name: str) -> Any:
        """Return what `use.<section>` holds under `name`; the checks made sure that it is there."""
        use = self.unit.definition.use
        entries: Mapping[str, Any] = getattr(use, section, {})
        return entries[name]

    def called(self, function: str, name: str) -> Step:
        """Compile a step that calls a function of `use.functions` with what it gets."""
        raw = dig(self.unit.document, ("use", "functions", function))
        reference = f"{self.reference}/metadata/millwright/compensate"
        place = Place(self.unit, reference, raw)
        return replace(compile_step(function, self.used("functions", function), place), name=name)

    def function(self, name: str) -> Step | None:
        """Compile the function `name` of `use.functions` as part of this task."""
        use = self.unit.definition.use
        if name not in getattr(use, "functions", {}):
            return None
        raw = dig(self.unit.document, ("use", "functions", name))
        place = Place(self.unit, f"{self.reference}/{pointer_token(name)}", raw)
        return compile_step(name, self.used("functions", name), place)


def compile_steps(
    unit: Unit, tasks: TaskList, raw: Sequence[Any], reference: str
) -> Sequence[Step]:
    """Compile a list of named tasks."""
    return [
        compile_step(
            item.name,
            item.task,
            Place(unit, f"{reference}/{index}/{pointer_token(item.name)}", raw[index][item.name]),
        )
        for index, item in enumerate(tasks)
    ]


def compile_step(name: str, task: Task, place: Place) -> Step:
    """Compile one task with the data flow around it."""
    undoing = _undoing(name, task, place)
    if undoing:
        place.unit.undoing[place.reference] = undoing
    return Step(
        name=name,
        reference=place.reference,
        kind=kind_of(place.raw),
        definition=place.raw,
        body=place.unit.compile_body(task, place),
        condition=place.condition(task.if_) if task.if_ else None,
        input_schema=schema_of(task.input),
        input_from=place.shape(task.input.from_ if task.input else None),
        output=Filter(
            place.shape(task.output.as_ if task.output else None), schema_of(task.output)
        ),
        export=(
            Filter(place.shape(task.export.as_), schema_of(task.export)) if task.export else None
        ),
        timeout=place.timeout(task.timeout),
        then=task.then,
        policy=compile_policy(task.millwright, place),
        undoing=undoing,
        extensions=[
            each for extended, each in place.unit.extensions if _is_extended(extended, place.raw)
        ],
    )


def compile_policy(given: TaskMetadata, place: Place) -> Policy:
    """Compile what a task wants of the engine."""
    if not given.model_fields_set:
        return DEFAULT
    return Policy(
        timeout=place.delay(given.timeout) if given.timeout is not None else None,
        retry=retry_policy(given.retry, CALL_RETRY) if given.retry else None,
        task_queue=given.task_queue,
        priority=given.priority,
        fairness_key=given.fairness_key,
        heartbeat_s=duration_seconds(given.heartbeat) if given.heartbeat is not None else None,
        idempotency_key=place.template(given.idempotency_key) if given.idempotency_key else None,
        local=given.local,
        summary=place.template(given.summary) if given.summary else None,
        concurrency=_limit(given.concurrency, place),
        rate=_limit(given.rate_limit, place),
        tags={
            name: place.template(value) for name, value in (given.search_attributes or {}).items()
        },
    )


def _limit(given: ConcurrencyLimit | None, place: Place) -> Limit | None:
    if given is None:
        return None
    return Limit(
        limit=given.limit,
        key=place.template(given.key) if given.key else None,
        period_s=duration_seconds(given.period) if isinstance(given, RateLimit) else 0.0,
    )


def _undoing(name: str, task: Task, place: Place) -> Sequence[Step]:
    """Compile what undoes a task: tasks, or a function."""
    match task.millwright.compensate:
        case None:
            return ()
        case str(function):
            return [place.called(function, f"undo {name}")]
        case tasks:
            return place.steps(tasks, "metadata", "millwright", "compensate")


def _is_extended(kind: str, raw: JsonObject) -> bool:
    own = next(each for each in _KINDS if each in raw)
    return kind in {"all", own} or (kind == "composite" and own in _COMPOSITE)


def compile_extensions(unit: Unit) -> None:
    """Compile what is around tasks. Tasks of extensions have nothing around them."""
    found: list[tuple[str, Extension]] = []
    for index, item in enumerate(unit.definition.use.extensions):
        reference = f"/use/extensions/{index}/{pointer_token(item.name)}"
        raw = dig(unit.document, ("use", "extensions"))[index][item.name]
        place = Place(unit, reference, raw)
        given = item.extension
        extension = Extension(
            reference=reference,
            applies=place.condition(given.when) if given.when else None,
            before=place.steps(given.before, "before") if given.before else (),
            after=place.steps(given.after, "after") if given.after else (),
        )
        found.append((given.extend, extension))
    unit.extensions.extend(found)


def kind_of(raw: JsonObject) -> str:
    """Name the kind of a task for people: `set`, `call http`, `call mcp.tool`."""
    kind = next(kind for kind in _KINDS if kind in raw)
    return f"call {raw['call']}" if kind == "call" else kind


def schema_of(part: Any) -> Schema | None:
    """Compile the schema of `input`, `output` or `export`."""
    if part is None or part.schema_ is None:
        return None
    return compiled(part.schema_.document)


def dumped(value: Any) -> Any:
    """Return a model as the plain data it was written as."""
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, exclude_unset=True, mode="json")
    return value


def dig(value: Any, path: Sequence[str]) -> Any:
    """Follow keys into nested objects."""
    for key in path:
        value = value[key]
    return value


def pointer_token(name: str) -> str:
    """Escape one token of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")
