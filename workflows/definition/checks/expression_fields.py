"""Where expressions stand, how they are written there, what they can read, and where it goes.

The table of variables is that of the specification; `input.from` of the workflow, for example,
comes before there is a context.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from foundation.json import JsonValue
from workflows.definition.checks.fields import FieldAt
from workflows.definition.checks.inputs import Inputs, KnownSchema, first_task, inputs_of
from workflows.definition.checks.subject import Site, Subject, Variables
from workflows.definition.findings import Path, shown
from workflows.definition.models import (
    AsyncApiSubscription,
    CallA2a,
    CallAsyncApi,
    CallFunction,
    CallGrpc,
    CallHttp,
    CallMcp,
    CallOpenApi,
    CatchSpec,
    EndpointSpec,
    EventConsumption,
    EventFilter,
    ForTask,
    ListenTask,
    RetryPolicy,
    RunTask,
    SubscriptionIterator,
    SwitchTask,
    TryTask,
)
from workflows.definition.models.definition import CatalogSpec

PREDEFINED: Final = frozenset(
    {"context", "input", "output", "secrets", "authorization", "task", "workflow", "runtime"}
)
_WORKFLOW_INPUT: Final = frozenset({"workflow", "runtime"})
_WORKFLOW_OUTPUT: Final = frozenset({"context", "workflow", "runtime"})
_BEFORE_INPUT: Final = frozenset({"context", "task", "workflow", "runtime"})
_IN_TASK: Final = _BEFORE_INPUT | {"input"}
_AFTER_OUTPUT: Final = _IN_TASK | {"output"}

# Members of a task whose texts are templates.
_TEMPLATES: Final = frozenset({"with", "set", "emit", "raise", "run", "wait", "timeout"})
_PROTOCOLS: Final = (CallHttp, CallOpenApi, CallMcp, CallGrpc, CallAsyncApi, CallA2a)


@dataclass(frozen=True)
class ExpressionField:
    """One value in which expressions can stand.

    Attributes:
        variables: What they can read, without `$`.
        bare: A text at its top is an expression even without `${ }`.
        secrets: What they give goes into the arguments of an activity and nowhere else.
        dot: What `.` is, as far as a schema says.
        input: What `$input` is, as far as a schema says.
    """

    path: Path
    value: JsonValue
    variables: Variables
    bare: bool = False
    secrets: bool = False
    dot: KnownSchema | None = None
    input: KnownSchema | None = None


def expression_fields(subject: Subject) -> tuple[ExpressionField, ...]:
    """Return all values of a definition in which expressions can stand."""
    return subject.once(_expression_fields)


def _expression_fields(subject: Subject) -> Iterator[ExpressionField]:
    definition = subject.definition
    own = inputs_of(definition, "the workflow")
    if definition.input and definition.input.from_ is not None:
        yield _bare(("input", "from"), definition.input.from_, _WORKFLOW_INPUT, own.checked)
    if definition.output and definition.output.as_ is not None:
        yield _bare(("output", "as"), definition.output.as_, _WORKFLOW_OUTPUT)
    if definition.schedule and definition.schedule.on is not None:
        # There is no instance yet whose variables could be read.
        yield from _of_consumption(definition.schedule.on, ("schedule", "on"), frozenset(), None)
    timeout = subject.pruned.document.get("timeout")
    yield ExpressionField(("timeout",), timeout, _WORKFLOW_INPUT, dot=own.shaped)
    for name, policy in definition.use.retries.items():
        yield from _of_retry(policy, ("use", "retries", name), _IN_TASK, CatchSpec().as_)
    for section in ("authentications", "errors", "timeouts"):
        value = subject.raw(("use",)).get(section) if "use" in subject.pruned.document else None
        secrets = section == "authentications"
        yield ExpressionField(("use", section), value, _IN_TASK, secrets=secrets)
    yield from _fetched(subject)
    for index, item in enumerate(definition.use.extensions):
        if item.extension.when is not None:
            at = ("use", "extensions", index, item.name, "when")
            yield _bare(at, item.extension.when, _IN_TASK)
    first = first_task(subject)
    for site in subject.sites:
        given = own.shaped if site.path == first else None
        inputs = inputs_of(site.task, f"the task {shown(site.name)}", given)
        yield from _around(site, inputs)
        yield from _policy(site)
        yield from _conditions(site, inputs)
        yield from _templates(subject, site, inputs)


def _fetched(subject: Subject) -> Iterator[ExpressionField]:
    """How to log in where functions and schemas are: read once, before there is any data."""
    for field in subject.fields:
        match field.value:
            case EndpointSpec(authentication=login) if login and is_fetched(field):
                value = login.model_dump(by_alias=True)
                at = (*field.path, "authentication")
                yield ExpressionField(at, value, frozenset(), secrets=True)
            case _:
                pass  # nobody logs in


def is_fetched(field: FieldAt) -> bool:
    """Tell whether a field is the endpoint of something that is fetched to be published."""
    return field.path[-3:-1] == ("schema", "resource") or isinstance(field.owner, CatalogSpec)


def _bare(
    path: Path,
    value: JsonValue,
    variables: Variables,
    dot: KnownSchema | None = None,
    input_: KnownSchema | None = None,
) -> ExpressionField:
    return ExpressionField(path, value, variables, bare=True, dot=dot, input=input_)


def _around(site: Site, inputs: Inputs) -> Iterator[ExpressionField]:
    """Data flow around a task."""
    task, path, own = site.task, site.path, site.variables
    if task.if_ is not None:
        yield _bare((*path, "if"), task.if_, _BEFORE_INPUT | own, inputs.raw)
    if task.input and task.input.from_ is not None:
        before = _BEFORE_INPUT | own
        yield _bare((*path, "input", "from"), task.input.from_, before, inputs.checked)
    if task.output and task.output.as_ is not None:
        here = _IN_TASK | own
        yield _bare((*path, "output", "as"), task.output.as_, here, None, inputs.shaped)
    if task.export and task.export.as_ is not None:
        after = _AFTER_OUTPUT | own
        yield _bare((*path, "export", "as"), task.export.as_, after, None, inputs.shaped)


def _policy(site: Site) -> Iterator[ExpressionField]:
    """What a task wants of the engine."""
    given = site.task.millwright
    if not given.model_fields_set:
        return
    kept = {"timeout", "idempotency_key", "summary", "search_attributes"}
    written = given.model_dump(by_alias=True, include=kept)
    at = (*site.path, "metadata", "millwright")
    here = _IN_TASK | site.variables
    for name, value in written.items():
        yield ExpressionField((*at, name), value, here)
    for name, limit in (("concurrency", given.concurrency), ("rateLimit", given.rate_limit)):
        if limit is not None and limit.key is not None:
            yield ExpressionField((*at, name, "key"), limit.key, here)


def _conditions(site: Site, inputs: Inputs) -> Iterator[ExpressionField]:
    """Fields that are expressions without `${ }`."""
    task, path, here, shaped = site.task, site.path, _IN_TASK | site.variables, inputs.shaped
    match task:
        case ForTask():
            yield from _of_loop(task, path, here, shaped)
        case SwitchTask(switch=cases):
            for index, case in enumerate(cases):
                if case.when is not None:
                    at = (*path, "switch", index, case.name, "when")
                    yield _bare(at, case.when, here, shaped, shaped)
        case TryTask(catch=catch):
            yield from _of_catch(catch, (*path, "catch"), here, shaped)
        case ListenTask(listen=listen, foreach=foreach):
            yield from _of_consumption(listen.to, (*path, "listen", "to"), here, shaped)
            if foreach is not None:
                yield from _of_iterator(foreach, (*path, "foreach"), here)
        case CallAsyncApi(with_=given) if given.subscription:
            at = (*path, "with", "subscription")
            yield from _of_subscription(given.subscription, at, here, shaped)
        case _:
            pass  # the other kinds have no conditions


def _of_loop(
    task: ForTask, path: Path, here: Variables, shaped: KnownSchema | None
) -> Iterator[ExpressionField]:
    loop = task.for_
    if isinstance(loop.in_, str):
        yield _bare((*path, "for", "in"), loop.in_, here, shaped, shaped)
    if task.while_ is not None:
        # `.` is the output of the turn before.
        inner = here | {loop.each, loop.at}
        yield _bare((*path, "while"), task.while_, inner, None, shaped)


def _of_catch(
    catch: CatchSpec, path: Path, here: Variables, shaped: KnownSchema | None
) -> Iterator[ExpressionField]:
    if catch.errors is not None:
        at = (*path, "errors", "with")
        yield ExpressionField(at, catch.errors.with_, here, dot=shaped, input=shaped)
    for key, condition in (("when", catch.when), ("exceptWhen", catch.except_when)):
        if condition is not None:
            yield _bare((*path, key), condition, here | {catch.as_}, shaped, shaped)
    if isinstance(catch.retry, RetryPolicy):
        yield from _of_retry(catch.retry, (*path, "retry"), here, catch.as_)


def _of_retry(
    policy: RetryPolicy, path: Path, here: Variables, error: str
) -> Iterator[ExpressionField]:
    for key, condition in (("when", policy.when), ("exceptWhen", policy.except_when)):
        if condition is not None:
            yield _bare((*path, key), condition, here | {error})
    written = policy.model_dump(by_alias=True, include={"delay", "limit", "jitter"})
    for key, value in written.items():
        yield ExpressionField((*path, key), value, here)


def _of_subscription(
    subscription: AsyncApiSubscription, path: Path, here: Variables, shaped: KnownSchema | None
) -> Iterator[ExpressionField]:
    consume = subscription.consume
    # `.` is a message, but for the duration.
    for at, condition in (
        ((*path, "filter"), subscription.filter),
        ((*path, "consume", "while"), consume.while_),
        ((*path, "consume", "until"), consume.until),
    ):
        if condition is not None:
            yield _bare(at, condition, here, None, shaped)
    if isinstance(consume.for_, str):
        at = (*path, "consume", "for")
        yield ExpressionField(at, consume.for_, here, dot=shaped, input=shaped)
    if subscription.foreach:
        yield from _of_iterator(subscription.foreach, (*path, "foreach"), here)


def _of_consumption(
    consumption: EventConsumption, path: Path, here: Variables, shaped: KnownSchema | None
) -> Iterator[ExpressionField]:
    filters: list[tuple[Path, EventFilter]] = []
    if consumption.one is not None:
        filters.append(((*path, "one"), consumption.one))
    for key, several in (("all", consumption.all), ("any", consumption.any)):
        filters.extend(((*path, key, at), each) for at, each in enumerate(several or ()))
    # `.` is what an event has at that place, or the event.
    for at, each in filters:
        yield ExpressionField((*at, "with"), each.with_, here, input=shaped)
        for name, correlation in (each.correlate or {}).items():
            inside = (*at, "correlate", name)
            yield _bare((*inside, "from"), correlation.from_, here, None, shaped)
            yield ExpressionField((*inside, "expect"), correlation.expect, here, dot=shaped)
    until = (*path, "until")
    if isinstance(consumption.until, str):
        yield _bare(until, consumption.until, here, None, shaped)
    elif consumption.until is not None:
        yield from _of_consumption(consumption.until, until, here, shaped)


def _of_iterator(
    foreach: SubscriptionIterator, path: Path, here: Variables
) -> Iterator[ExpressionField]:
    inner = here | {foreach.item, foreach.at}
    if foreach.output and foreach.output.as_ is not None:
        yield _bare((*path, "output", "as"), foreach.output.as_, inner)
    if foreach.export and foreach.export.as_ is not None:
        yield _bare((*path, "export", "as"), foreach.export.as_, inner | {"output"})


def _templates(subject: Subject, site: Site, inputs: Inputs) -> Iterator[ExpressionField]:
    """Everything else in a task: values in which `${ }` can stand."""
    if subject.is_unreadable(site):
        return
    here, shaped = _IN_TASK | site.variables, inputs.shaped
    for key, value in subject.raw(site.path).items():
        path: Path = (*site.path, key)
        own = value
        if key == "for" and isinstance(value, dict) and isinstance(value.get("in"), list):
            path, own = (*path, "in"), value["in"]
        elif key not in _TEMPLATES:
            continue
        elif isinstance(site.task, CallAsyncApi):
            own = _without_tasks(value)
        secrets = key in {"with", "run"} and _is_activity(subject, site)
        if secrets and isinstance(own, dict) and "timeout" in own:
            # How long we wait is decided by the run, not in the activity.
            at = (*path, "timeout")
            yield ExpressionField(at, own["timeout"], here, dot=shaped, input=shaped)
            own = {name: item for name, item in own.items() if name != "timeout"}
        if secrets and key == "with" and _asks_people(site) and isinstance(own, dict):
            at = (*path, "elicitation")
            yield ExpressionField(at, own.get("elicitation"), here, dot=shaped, input=shaped)
            own = {name: item for name, item in own.items() if name != "elicitation"}
        if isinstance(site.task, RunTask):
            own = _without_code(own)
        yield ExpressionField(path, own, here, secrets=secrets, dot=shaped, input=shaped)


def _is_activity(subject: Subject, site: Site) -> bool:
    """Tell whether the arguments of a task leave the workflow; functions are executed in it."""
    task = site.task
    if isinstance(task, CallFunction):
        # What people are asked is kept in the run and shown to them.
        return task.call != "approval" and task.call not in subject.names("functions")
    if isinstance(task, RunTask):
        return task.run.workflow is None
    return isinstance(task, _PROTOCOLS)


def _asks_people(site: Site) -> bool:
    """Tell whether a part of the arguments is kept in the run and shown to people."""
    return isinstance(site.task, CallFunction) and site.task.call == "mcp.tool"


def _without_code(value: JsonValue) -> JsonValue:
    """Leave out the code of `run: script`: `${ }` means something else in it."""
    given = value if isinstance(value, dict) else {}
    script = given.get("script")
    if not isinstance(script, dict):
        return value
    return {**given, "script": {name: part for name, part in script.items() if name != "code"}}


def _without_tasks(value: JsonValue) -> JsonValue:
    """Leave out the subscription of `call: asyncapi`: conditions, and tasks that are a scope."""
    given = value if isinstance(value, dict) else {}
    return {name: item for name, item in given.items() if name != "subscription"}
