"""HTTP in, instances out. What an instance is, and who may see which, is decided below."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.dependencies import ServicesDep, require
from api.instances.schemas import (
    KEY_PATTERN,
    LABEL_PATTERN,
    InstanceId,
    Name,
    Namespace,
    PageSize,
    PageToken,
    RerunRequest,
    RetryRequest,
    SearchText,
    StartRequest,
    TerminateRequest,
    Version,
)
from security.principal import Principal
from workflows.instances.feed import Event
from workflows.instances.types import (
    Ended,
    Filters,
    Instance,
    InstancePage,
    InstanceSummary,
    Resumed,
    Started,
    Status,
)

router = APIRouter(prefix="/api/v1/workflows", tags=["instances"])

Reader = Annotated[Principal, require("workflow:read")]
Starter = Annotated[Principal, require("workflow:execute")]

# Proxies give up on a silent request after a minute, some clients after half of one.
LONGEST_WAIT_S: Final = 30.0
# A copy may be kept, and must be checked with its ETag before it is shown.
_CHECK: Final = {"Cache-Control": "private, no-cache"}
_NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "It still looks as the ETag in If-None-Match says."}
}
_EVENTS: Final = (
    "Events `task` (data: a task event; id: its sequence number) and last `ended` (data: how it "
    "ended). Reconnect with `Last-Event-ID`; a stream ends by itself after 15 minutes."
)
# What a JavaScript client can count, and more than any run has events.
_LARGEST: Final = 10**15 - 1


async def filters(
    status: Annotated[Status | None, Query()] = None,
    namespace: Annotated[str | None, Query(pattern=LABEL_PATTERN)] = None,
    name: Annotated[
        str | None, Query(pattern=LABEL_PATTERN, description="Only together with a namespace.")
    ] = None,
    version: Annotated[Version | None, Query()] = None,
    search: Annotated[
        list[SearchText],
        Query(
            max_length=10,
            description="`name=value` of its search attributes; several have to hold all.",
            examples=[["order=4711"]],
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
) -> Filters:
    """Read what a listing is narrowed to."""
    return Filters(
        status=status, namespace=namespace, name=name, version=version, tags=tuple(search)
    )


Narrowed = Annotated[Filters, Depends(filters)]


@router.post("/{namespace}/{name}/instances", status_code=202)
async def start_instance(
    *,
    namespace: Namespace,
    name: Name,
    body: StartRequest,
    principal: Starter,
    parts: ServicesDep,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=KEY_PATTERN,
            max_length=128,
            description="Makes a repetition safe: the same key gives the same instance.",
        ),
    ] = None,
) -> Started:
    """Start a run of a definition. Answers at once; `Location` says where to look."""
    started = await parts.instances.start(
        principal, namespace, name, version=body.version, value=body.input, key=idempotency_key
    )
    response.headers["Location"] = f"{router.prefix}/instances/{started.id}"
    return started


@router.get("/instances")
async def list_instances(
    principal: Reader,
    parts: ServicesDep,
    narrowed: Narrowed,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> InstancePage:
    """List instances, newest first. One that was started a moment ago may be missing yet."""
    return await parts.instances.list(
        principal.tenant_id, narrowed, page_size=page_size, page_token=page_token
    )


@router.get("/instances/active")
async def list_active_instances(
    principal: Reader,
    parts: ServicesDep,
    narrowed: Narrowed,
    page_size: PageSize = 50,
    page_token: PageToken = None,
) -> InstancePage:
    """List the instances that have not ended, newest first."""
    return await parts.instances.active(
        principal.tenant_id, narrowed, page_size=page_size, page_token=page_token
    )


@router.get("/instances/{instance_id}", response_model=Instance, responses=_NOT_MODIFIED)
async def get_instance(
    instance_id: InstanceId,
    principal: Reader,
    parts: ServicesDep,
    wait_s: Annotated[
        float,
        Query(
            ge=0,
            le=LONGEST_WAIT_S,
            description="Answer only when it has ended, or after so many seconds.",
        ),
    ] = 0.0,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Look at one instance: status, input, output or error, and its tasks."""
    look = await parts.instances.look(principal.tenant_id, instance_id, wait_s=wait_s)
    headers = {"ETag": look.etag, **_CHECK}
    if if_none_match is not None and look.etag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(look.body, media_type="application/json", headers=headers)


@router.post("/instances/{instance_id}:cancel", status_code=202)
async def cancel_instance(
    instance_id: InstanceId, principal: Starter, parts: ServicesDep
) -> InstanceSummary:
    """Ask an instance to stop. Its running tasks are told; it ends as `CANCELLED`."""
    return await parts.instances.cancel(principal.tenant_id, instance_id)


@router.post("/instances/{instance_id}:pause", status_code=202)
async def pause_instance(
    instance_id: InstanceId, principal: Starter, parts: ServicesDep
) -> InstanceSummary:
    """Let an instance begin no further task. Calls under way come to their end."""
    return await parts.instances.pause(principal.tenant_id, instance_id)


@router.post("/instances/{instance_id}:resume", status_code=202)
async def resume_instance(
    instance_id: InstanceId, principal: Starter, parts: ServicesDep
) -> InstanceSummary:
    """Let a paused instance go on."""
    return await parts.instances.resume(principal.tenant_id, instance_id)


@router.post("/instances/{instance_id}:retry", status_code=202)
async def retry_instance(
    instance_id: InstanceId,
    principal: Starter,
    parts: ServicesDep,
    body: RetryRequest | None = None,
) -> Resumed:
    """Let a failed instance go on with the task that failed; what was done is not done again."""
    asked = body or RetryRequest()
    return await parts.instances.retry(
        principal.tenant_id,
        instance_id,
        value=asked.input,
        changed="input" in asked.model_fields_set,
        preview=asked.preview,
        by=principal.subject,
    )


@router.post("/instances/{instance_id}:rerun", status_code=202)
async def rerun_instance(
    instance_id: InstanceId, principal: Starter, parts: ServicesDep, body: RerunRequest
) -> Resumed:
    """Let an ended instance go on with one of its tasks. The answer says what happens again.

    On another version of the definition, tasks are the same ones when they have the same names in
    the same lists; an instance that stands in something the version has not is refused.
    """
    return await parts.instances.rerun(
        principal.tenant_id,
        instance_id,
        body.execution,
        value=body.input,
        changed="input" in body.model_fields_set,
        preview=body.preview,
        by=principal.subject,
        version=body.version,
    )


@router.post("/instances/{instance_id}:terminate", status_code=202)
async def terminate_instance(
    instance_id: InstanceId,
    principal: Starter,
    parts: ServicesDep,
    body: TerminateRequest | None = None,
) -> InstanceSummary:
    """Stop an instance at once. Nothing is cleaned up; cancel it where that matters."""
    reason = (body or TerminateRequest()).reason
    return await parts.instances.terminate(principal.tenant_id, instance_id, reason)


async def followed(
    instance_id: InstanceId,
    principal: Reader,
    parts: ServicesDep,
    after: Annotated[int, Query(ge=0, le=_LARGEST, description="Events after this one.")] = 0,
    last_event_id: Annotated[
        str | None,
        Header(
            pattern=r"^[0-9]{1,15}$",
            description="`id` of the last event that was seen; wins over `after`.",
        ),
    ] = None,
) -> AsyncIterator[Event]:
    """Find the instance before the stream begins, so that a missing one is still a problem."""
    seen = after if last_event_id is None else int(last_event_id)
    return await parts.instances.events(principal.tenant_id, instance_id, after=seen)


@router.get(
    "/instances/{instance_id}/events",
    response_class=EventSourceResponse,
    responses={200: {"description": _EVENTS, "content": {"text/event-stream": {}}}},
)
async def follow_instance(
    events: Annotated[AsyncIterator[Event], Depends(followed)],
) -> AsyncIterable[ServerSentEvent]:
    """Follow an instance: an event `task` for each change, and last one `ended`."""
    async for event in events:
        yield _spelled(event)


def _spelled(event: Event) -> ServerSentEvent:
    data = event.model_dump_json()
    if isinstance(event, Ended):
        return ServerSentEvent(event="ended", raw_data=data)
    return ServerSentEvent(event="task", id=str(event.sequence), raw_data=data)
