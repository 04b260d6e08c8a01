"""Events over HTTP: who may send them, in which spelling, and what is answered."""

import json

import httpx2
import pytest

from api.services import Services
from tests.api.people import Person, person

pytestmark = pytest.mark.anyio

EVENTS = "/api/v1/events"
EVENT = {"specversion": "1.0", "id": "1", "source": "/line/3", "type": "a.b", "data": {"n": 1}}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture
def operator(services: Services, admin: Person) -> Person:
    return person(services.accounts, admin.tenant_id, "operator", new_tenant=False)


async def test_events_come_in_three_spellings_and_the_same_is_known_again(
    http: httpx2.AsyncClient, operator: Person
) -> None:
    content = json.dumps(EVENT)
    answer = await http.post(EVENTS, content=content, headers={**operator.headers, **STRUCTURED})
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "duplicates": 0})
    binary = {f"ce-{name}": str(value) for name, value in EVENT.items() if name != "data"}
    answer = await http.post(
        EVENTS,
        content='{"n": 1}',
        headers={**operator.headers, **binary, "Content-Type": "application/json"},
    )
    assert answer.json() == {"accepted": 0, "duplicates": 1}
    answer = await http.post(
        EVENTS,
        content=json.dumps([EVENT, {**EVENT, "id": "2"}]),
        headers={**operator.headers, **BATCH},
    )
    assert answer.json() == {"accepted": 1, "duplicates": 1}


async def test_one_bad_event_of_a_batch_refuses_all(
    http: httpx2.AsyncClient, operator: Person
) -> None:
    content = json.dumps([{**EVENT, "id": "3"}, {**EVENT, "id": ""}])
    answer = await http.post(EVENTS, content=content, headers={**operator.headers, **BATCH})
    assert answer.status_code == 422
    assert "Event 1 has no 'id'" in answer.json()["detail"]
    content = json.dumps({**EVENT, "id": "3"})
    answer = await http.post(EVENTS, content=content, headers={**operator.headers, **STRUCTURED})
    assert answer.json() == {"accepted": 1, "duplicates": 0}


async def test_who_only_looks_may_send_no_events(http: httpx2.AsyncClient, viewer: Person) -> None:
    content = json.dumps(EVENT)
    answer = await http.post(EVENTS, content=content, headers={**viewer.headers, **STRUCTURED})
    assert answer.status_code == 403
    assert "event:publish" in answer.json()["detail"]


async def test_what_is_no_event_is_a_problem_that_says_what_to_send(
    http: httpx2.AsyncClient, operator: Person
) -> None:
    answer = await http.post(EVENTS, json=EVENT, headers=operator.headers)
    assert answer.status_code == 422
    assert "application/cloudevents+json" in answer.json()["detail"]
    content = json.dumps({**EVENT, "data": "x" * 70_000})
    answer = await http.post(EVENTS, content=content, headers={**operator.headers, **STRUCTURED})
    assert answer.status_code == 413
