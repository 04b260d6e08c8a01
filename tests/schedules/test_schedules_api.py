"""Schedules over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.instances.conftest import Floor
from tests.instances.serving import NamedTokens, Parts, front_door, served
from workflows.schedules.service import Schedules

pytestmark = pytest.mark.anyio

SCHEDULES = "/api/v1/schedules"
DAILY: dict[str, Any] = {
    "id": "every-morning",
    "namespace": "press-line",
    "name": "defect-watch",
    "cron": ["0 6 * * *"],
    "time_zone": "Asia/Seoul",
}


@pytest.fixture
async def http(floor: Floor, schedules: Schedules) -> AsyncIterator[httpx.AsyncClient]:
    """A manager of the tenant."""
    app = front_door(Parts(floor.instances, schedules, NamedTokens()))
    headers = {"Authorization": f"Bearer {floor.tenant}:manager"}
    async with (
        served(app) as address,
        httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client,
    ):
        yield client


async def test_a_schedule_lives_from_post_to_delete(http: httpx.AsyncClient) -> None:
    made = await http.post(SCHEDULES, json=DAILY)
    assert (made.status_code, made.headers["location"]) == (201, f"{SCHEDULES}/every-morning")
    assert made.json()["catchup_window"] == "PT1H"

    where = made.headers["location"]
    changed = await http.patch(
        where, json={"cron": ["0 7 * * *"]}, headers={"If-Match": made.headers["etag"]}
    )
    assert (changed.status_code, changed.json()["cron"]) == (200, ["0 7 * * *"])
    late = await http.patch(where, json={}, headers={"If-Match": made.headers["etag"]})
    assert late.status_code == 412

    for verb, status in (("pause", 200), ("resume", 200), ("trigger", 202)):
        assert (await http.post(f"{where}:{verb}")).status_code == status
    noon = {"start_at": "2026-03-01T12:00:00Z", "end_at": "2026-03-01T12:00:00Z"}
    assert (await http.post(f"{where}:backfill", json=noon)).status_code == 202
    assert (await http.get(where)).headers["etag"] != made.headers["etag"]

    assert (await http.delete(where)).status_code == 204
    gone = await http.get(where)
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:millwright:problem:not-found")


async def test_a_bad_cron_is_a_problem_that_quotes_it(http: httpx.AsyncClient) -> None:
    answer = await http.post(SCHEDULES, json={**DAILY, "cron": ["61 * * * *"]})
    assert answer.status_code == 422
    assert "'61 * * * *': Minute is not in range [0-59]" in answer.json()["detail"]


async def test_who_may_only_look_cannot_change_anything(
    floor: Floor, http: httpx.AsyncClient
) -> None:
    await http.post(SCHEDULES, json=DAILY)
    viewer = {"Authorization": f"Bearer {floor.tenant}:viewer"}
    where = f"{SCHEDULES}/every-morning"
    assert (await http.get(where, headers=viewer)).status_code == 200
    for method, url in (
        ("POST", SCHEDULES),
        ("PATCH", where),
        ("DELETE", where),
        ("POST", f"{where}:pause"),
        ("POST", f"{where}:resume"),
        ("POST", f"{where}:trigger"),
    ):
        answer = await http.request(method, url, json=DAILY, headers=viewer)
        assert answer.status_code == 403, (method, url)


async def test_a_foreign_schedule_is_not_there(http: httpx.AsyncClient) -> None:
    await http.post(SCHEDULES, json=DAILY)
    stranger = {"Authorization": "Bearer another:manager"}
    answer = await http.get(f"{SCHEDULES}/every-morning", headers=stranger)
    assert answer.status_code == 404
    assert (await http.get(SCHEDULES, headers=stranger)).json()["items"] == []
