"""Instances: look at, list, stop, wait for, follow."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

from millwright_client.calls.reading import given, itself, one, page, path
from millwright_client.decoding import decode
from millwright_client.errors import MillwrightTimeoutError
from millwright_client.exchange import (
    Call,
    Chunks,
    Close,
    Emit,
    Flow,
    Read,
    Sleep,
    Streaming,
    ask,
)
from millwright_client.models import (
    Ended,
    Instance,
    InstanceSummary,
    Page,
    Resumed,
    TaskEvent,
)
from millwright_client.sse import Parser, RawEvent

# The API answers earlier when the instance ends earlier.
_WAIT_S: Final = 30.0
# Keep-alives come every 15 s; a stream that is silent for longer is broken.
_SILENCE_S: Final = 20.0
_RECONNECT_S: Final = 0.2


def get(instance_id: str, *, wait_s: float | None = None) -> Flow[Instance]:
    """Look at one instance.

    Args:
        wait_s: Let the API answer only when it has ended, or after so many seconds (30 at most).
    """
    return ask(_get(instance_id, wait_s))


def list_(
    *,
    status: str | None = None,
    namespace: str | None = None,
    name: str | None = None,
    version: str | None = None,
    search: Mapping[str, str] | None = None,
    page_size: int | None = None,
    page_token: str | None = None,
) -> Flow[Page[InstanceSummary]]:
    """List instances, newest first. One that was started a moment ago may be missing yet.

    Args:
        search: Search attributes that the instances have, all of them.
    """
    params = given(
        status=status,
        namespace=namespace,
        name=name,
        version=version,
        search=_searched(search),
        page_size=page_size,
        page_token=page_token,
    )
    where = path("workflows", "instances")
    return ask(Call("GET", where, page(InstanceSummary), params=params, safe=True))


def active(
    *,
    namespace: str | None = None,
    name: str | None = None,
    version: str | None = None,
    search: Mapping[str, str] | None = None,
    page_size: int | None = None,
    page_token: str | None = None,
) -> Flow[Page[InstanceSummary]]:
    """List the instances that have not ended, newest first; see `list`."""
    params = given(
        namespace=namespace,
        name=name,
        version=version,
        search=_searched(search),
        page_size=page_size,
        page_token=page_token,
    )
    where = path("workflows", "instances", "active")
    return ask(Call("GET", where, page(InstanceSummary), params=params, safe=True))


def _searched(search: Mapping[str, str] | None) -> list[str] | None:
    return [f"{name}={value}" for name, value in search.items()] if search else None


def cancel(instance_id: str) -> Flow[InstanceSummary]:
    """Ask an instance to stop."""
    where = path("workflows", "instances", f"{instance_id}:cancel")
    return ask(Call("POST", where, one(InstanceSummary)))


def pause(instance_id: str) -> Flow[InstanceSummary]:
    """Let an instance begin no further task."""
    where = path("workflows", "instances", f"{instance_id}:pause")
    return ask(Call("POST", where, one(InstanceSummary), safe=True))


def resume(instance_id: str) -> Flow[InstanceSummary]:
    """Let a paused instance go on."""
    where = path("workflows", "instances", f"{instance_id}:resume")
    return ask(Call("POST", where, one(InstanceSummary), safe=True))


def retry(instance_id: str, *, preview: bool = False, **changed: Any) -> Flow[Resumed]:
    """Let a failed instance go on with the task that failed.

    Args:
        preview: Only tell what would be done again.
        changed: `input=...`: what that task gets instead of its input.
    """
    where = path("workflows", "instances", f"{instance_id}:retry")
    body = {**_only_input(changed), "preview": preview}
    return ask(Call("POST", where, one(Resumed), json=body))


def rerun(
    instance_id: str,
    execution: str,
    *,
    preview: bool = False,
    version: str | None = None,
    **changed: Any,
) -> Flow[Resumed]:
    """Let an ended instance go on with one of its tasks; see `retry`.

    Args:
        execution: Which execution of a task, as `tasks` of the instance names it.
        version: Version of the definition to go on with; the one it had when left out.
    """
    where = path("workflows", "instances", f"{instance_id}:rerun")
    body = {
        **_only_input(changed),
        **given(version=version),
        "preview": preview,
        "execution": execution,
    }
    return ask(Call("POST", where, one(Resumed), json=body))


def _only_input(changed: dict[str, Any]) -> dict[str, Any]:
    if changed.keys() - {"input"}:
        raise TypeError(f"Only 'input' can be changed, not {', '.join(changed)}.")
    return changed


def terminate(instance_id: str, reason: str | None = None) -> Flow[InstanceSummary]:
    """Stop an instance at once; nothing is cleaned up."""
    where = path("workflows", "instances", f"{instance_id}:terminate")
    return ask(Call("POST", where, one(InstanceSummary), json=given(reason=reason)))


def wait(instance_id: str, timeout: float | None = None) -> Flow[Instance]:
    """Wait until an instance has ended, and return it.

    Args:
        timeout: Seconds; without it, for ever.

    Raises:
        MillwrightTimeoutError: When it goes on for longer.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _WAIT_S if deadline is None else max(0.0, deadline - time.monotonic())
        instance: Instance = yield _get(instance_id, min(left, _WAIT_S))
        if instance.ended:
            return instance
        if deadline is not None and time.monotonic() >= deadline:
            raise MillwrightTimeoutError(
                f"The instance '{instance_id}' did not end within {timeout:g} s; it goes on."
            )


def events(instance_id: str, after: int = 0) -> Streaming[TaskEvent | Ended]:
    """Follow an instance: its task events from the one after `after`, and last how it ended.

    A connection that breaks is made again, and goes on where it was.

    Raises:
        MillwrightConnectionError: When the API stays away.
    """
    while True:
        response: httpx.Response = yield _open(instance_id, after)
        try:
            parser = Parser()
            chunks = yield Chunks(response)
            while (data := (yield Read(chunks))) is not None:
                for raw in parser.feed(data):
                    event = _event(raw)
                    if event is None:
                        continue
                    yield Emit(event)
                    if isinstance(event, Ended):
                        return
                    after = event.sequence
        except httpx.TransportError:
            pass  # the next request tells whether the API is still there
        finally:
            yield Close(response)
        yield Sleep(_RECONNECT_S)


def _get(instance_id: str, wait_s: float | None) -> Call[Instance]:
    where = path("workflows", "instances", instance_id)
    params = given(wait_s=wait_s)
    return Call("GET", where, one(Instance), params=params, safe=True, wait_s=wait_s or 0.0)


def _open(instance_id: str, after: int) -> Call[httpx.Response]:
    return Call(
        "GET",
        path("workflows", "instances", instance_id, "events"),
        itself,
        headers={"Accept": "text/event-stream", "Last-Event-ID": str(after)},
        safe=True,
        stream=True,
        wait_s=_SILENCE_S,
    )


def _event(raw: RawEvent) -> TaskEvent | Ended | None:
    """Read an event; kinds that a newer API may have are passed over."""
    match raw.event:
        case "task":
            return decode(TaskEvent, json.loads(raw.data))
        case "ended":
            return decode(Ended, json.loads(raw.data))
        case _:
            return None
