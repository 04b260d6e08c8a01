"""Instances over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import fastapi.routing
import httpx
import pytest

from tests.instances.conftest import Floor
from tests.instances.eventually import eventually
from tests.instances.serving import NamedTokens, Parts, front_door, served
from workflows.runs.pages import PageTokens
from workflows.schedules.service import Schedules

pytestmark = pytest.mark.anyio

START = "/api/v1/workflows/press-line/defect-watch/instances"
INSTANCES = "/api/v1/workflows/instances"


@pytest.fixture
async def http(working: Floor) -> AsyncIterator[httpx.AsyncClient]:
    """An operator of the tenant."""
    schedules = Schedules(
        working.temporal, working.shelf, working.settings, PageTokens(b"key of this test")
    )
    app = front_door(Parts(working.instances, schedules, NamedTokens()))
    async with (
        served(app) as address,
        httpx.AsyncClient(
            base_url=address, headers=bearer(working, "operator"), timeout=30
        ) as client,
    ):
        yield client


def bearer(floor: Floor, role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {floor.tenant}:{role}"}


def script(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"input": {"script": list(steps)}}


async def test_a_start_answers_202_and_says_where_to_look(http: httpx.AsyncClient) -> None:
    answer = await http.post(START, json=script({"set": 1}), headers={"Idempotency-Key": "k-1"})
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{INSTANCES}/press-line.defect-watch.k-1"

    seen = await http.get(answer.headers["location"], params={"wait_s": 10})
    assert seen.status_code == 200
    assert seen.json()["status"] == "COMPLETED"
    assert [task["state"] for task in seen.json()["tasks"]] == ["completed"]


async def test_repeating_the_request_gives_the_same_instance(http: httpx.AsyncClient) -> None:
    ask = {"json": script({"set": 1}), "headers": {"Idempotency-Key": "k-1"}}
    first, second = [(await http.post(START, **ask)).json() for _ in range(2)]  # type: ignore[arg-type]
    assert (first["created"], second["created"]) == (True, False)
    assert first["id"] == second["id"]


async def test_another_body_under_the_same_key_is_a_problem(http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k-1"}
    await http.post(START, json=script({"set": 1}), headers=headers)
    answer = await http.post(START, json=script({"set": 2}), headers=headers)
    assert problem(answer, 422)["detail"].startswith("The idempotency key 'k-1' started")


@pytest.mark.parametrize("key", [".", "a b", "a/b", "x" * 129])
async def test_a_key_that_is_none_is_a_problem(http: httpx.AsyncClient, key: str) -> None:
    answer = await http.post(START, json={}, headers={"Idempotency-Key": key})
    assert problem(answer, 422)["errors"][0]["in"] == "header"


async def test_the_etag_of_an_instance_saves_sending_it_again(http: httpx.AsyncClient) -> None:
    started = (await http.post(START, json=script({"set": 1}))).json()
    first = await http.get(f"{INSTANCES}/{started['id']}", params={"wait_s": 10})
    again = await http.get(
        f"{INSTANCES}/{started['id']}", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_a_foreign_instance_is_not_there(http: httpx.AsyncClient) -> None:
    started = (await http.post(START, json=script({"hold": 1}))).json()
    stranger = {"Authorization": "Bearer another:operator"}
    for method, path in (
        ("GET", ""),
        ("GET", "/events"),
        ("POST", ":cancel"),
        ("POST", ":terminate"),
    ):
        answer = await http.request(method, f"{INSTANCES}/{started['id']}{path}", headers=stranger)
        assert "There is no workflow instance" in problem(answer, 404)["detail"]


async def test_who_may_only_look_can_neither_start_nor_stop(
    working: Floor, http: httpx.AsyncClient
) -> None:
    viewer = bearer(working, "viewer")
    started = (await http.post(START, json=script({"hold": 1}))).json()
    for path in (START, f"{INSTANCES}/{started['id']}:cancel"):
        assert problem(await http.post(path, json={}, headers=viewer), 403)
    assert (await http.get(f"{INSTANCES}/{started['id']}", headers=viewer)).status_code == 200


async def test_cancel_and_terminate_stop_an_instance(http: httpx.AsyncClient) -> None:
    first = (await http.post(START, json=script({"hold": 1}))).json()["id"]
    second = (await http.post(START, json=script({"hold": 1}))).json()["id"]

    cancelled = await http.post(f"{INSTANCES}/{first}:cancel")
    terminated = await http.post(f"{INSTANCES}/{second}:terminate", json={"reason": "wrong line"})

    assert (cancelled.status_code, terminated.status_code) == (202, 202)
    seen = [
        (await http.get(f"{INSTANCES}/{each}", params={"wait_s": 10})).json()
        for each in (first, second)
    ]
    assert [each["status"] for each in seen] == ["CANCELLED", "TERMINATED"]
    assert seen[1]["error"]["detail"] == "wrong line"
    assert problem(await http.post(f"{INSTANCES}/{first}:cancel"), 409)


async def test_active_instances_are_listed(http: httpx.AsyncClient) -> None:
    started = (await http.post(START, json=script({"hold": 1}))).json()["id"]

    async def active() -> list[str]:
        answer = await http.get(f"{INSTANCES}/active", params={"namespace": "press-line"})
        return [item["id"] for item in answer.json()["items"]]

    assert await eventually(active, bool) == [started]
    assert (await http.get(INSTANCES, params={"status": "COMPLETED"})).json()["items"] == []
    assert problem(await http.get(INSTANCES, params={"page_token": "x"}), 422)


async def test_events_are_numbered_and_end_with_the_result(http: httpx.AsyncClient) -> None:
    started = (await http.post(START, json=script({"set": 1}, {"call": "a"}))).json()["id"]
    events = [event async for event in stream(http, started)]

    assert [event["event"] for event in events] == ["task"] * 4 + ["ended"]
    assert [event.get("id") for event in events] == ["1", "2", "3", "4", None]
    assert json.loads(events[0]["data"])["reference"] == "/do/0/set"
    assert json.loads(events[-1]["data"])["output"] == "a"


async def test_a_stream_goes_on_after_the_last_event_seen(http: httpx.AsyncClient) -> None:
    started = (await http.post(START, json=script({"set": 1}, {"set": 2}))).json()["id"]
    by_header = [e.get("id") async for e in stream(http, started, {"Last-Event-ID": "3"})]
    by_query = [e.get("id") async for e in stream(http, started, after=2)]

    assert by_header == ["4", None]
    assert by_query == ["3", "4", None]


async def test_a_quiet_stream_is_kept_alive(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastapi.routing, "_PING_INTERVAL", 0.05)
    started = (await http.post(START, json=script({"hold": 1}))).json()["id"]
    async with asyncio.timeout(10), http.stream("GET", f"{INSTANCES}/{started}/events") as answer:
        async for line in answer.aiter_lines():
            if line == ": ping":
                return
    pytest.fail("no keep-alive")


async def test_when_the_client_leaves_the_stream_stops(
    working: Floor, http: httpx.AsyncClient
) -> None:
    started = (await http.post(START, json=script({"hold": 1}))).json()["id"]
    lent = working.instances._followers._feeds._lent
    async with http.stream("GET", f"{INSTANCES}/{started}/events") as answer:
        await anext(answer.aiter_lines())
        assert len(lent) == 1

    await eventually(lambda: asyncio.sleep(0, len(lent)), lambda held: held == 0)


async def stream(
    http: httpx.AsyncClient, instance_id: str, headers: dict[str, str] | None = None, after: int = 0
) -> AsyncIterator[dict[str, str]]:
    url = f"{INSTANCES}/{instance_id}/events"
    async with (
        asyncio.timeout(20),
        http.stream("GET", url, headers=headers, params={"after": after}) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif event:
                yield event
                event = {}


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    return body
