"""Listings: of one tenant, by filters that cannot be talked around, page by page."""

import pytest

from foundation.errors import InvalidInputError
from tests.instances.conftest import Floor
from tests.instances.eventually import eventually
from workflows.instances.listing import query
from workflows.instances.types import Filters, InstancePage, Status
from workflows.runs.launch import labels

pytestmark = pytest.mark.anyio


async def listed(floor: Floor, count: int, filters: Filters = Filters()) -> InstancePage:  # noqa: B008
    return await eventually(
        lambda: floor.instances.list(floor.tenant, filters), lambda page: len(page.items) == count
    )


async def test_a_listing_shows_the_tenants_own_newest_first(floor: Floor) -> None:
    started = [(await floor.start({"hold": 1})).id for _ in range(3)]
    page = await listed(floor, 3)

    assert [item.id for item in page.items] == started[::-1]
    assert {(item.version, item.status) for item in page.items} == {("1.0.0", Status.RUNNING)}
    assert (await floor.instances.list("another-tenant")).items == []


async def test_a_listing_is_narrowed_by_status_definition_and_version(floor: Floor) -> None:
    floor.shelf.publish("press-line.other", version="2.0.0")
    floor.shelf.publish("press-lines.other")
    held = (await floor.start({"hold": 1})).id
    stopped = (await floor.start({"hold": 1})).id
    await floor.instances.terminate(floor.tenant, stopped, "enough")
    other = (await floor.instances.start(floor.principal, "press-line", "other")).id
    await floor.instances.start(floor.principal, "press-lines", "other")
    await listed(floor, 4)

    async def ids(filters: Filters) -> set[str]:
        return {item.id for item in (await floor.instances.list(floor.tenant, filters)).items}

    assert await ids(Filters(status=Status.TERMINATED)) == {stopped}
    assert await ids(Filters(namespace="press-line")) == {held, stopped, other}
    assert await ids(Filters(namespace="press-line", name="other")) == {other}
    assert await ids(Filters(version="2.0.0")) == {other}
    active = await floor.instances.active(floor.tenant, Filters(namespace="press-line"))
    assert {item.id for item in active.items} == {held, other}


async def test_a_name_without_its_namespace_is_no_filter(floor: Floor) -> None:
    with pytest.raises(InvalidInputError, match="give the namespace too"):
        await floor.instances.list(floor.tenant, Filters(name="defect-watch"))


async def test_pages_follow_each_other_to_the_end(floor: Floor) -> None:
    started = {(await floor.start({"hold": 1})).id for _ in range(5)}
    await listed(floor, 5)
    seen: list[str] = []
    token = None
    while True:
        page = await floor.instances.list(floor.tenant, page_size=2, page_token=token)
        seen += [item.id for item in page.items]
        if (token := page.next_page_token) is None:
            break

    assert sorted(seen) == sorted(started)


async def test_a_page_token_of_another_listing_is_refused(floor: Floor) -> None:
    for _ in range(2):
        await floor.start({"hold": 1})
    await listed(floor, 2)
    token = (await floor.instances.list(floor.tenant, page_size=1)).next_page_token
    assert token is not None

    running = Filters(status=Status.RUNNING)
    for tenant, filters, given in (
        ("another", Filters(), token),
        (floor.tenant, running, token),
        (floor.tenant, Filters(), token[:-2] + "AA"),
        (floor.tenant, Filters(), "!"),
    ):
        with pytest.raises(InvalidInputError, match="page_token does not belong"):
            await floor.instances.list(tenant, filters, page_token=given)


async def test_a_run_under_a_foreign_id_is_not_shown(floor: Floor) -> None:
    await floor.temporal.start_workflow(
        "press-line.defect-watch",
        id=f"elsewhere/press-line/defect-watch/{floor.tenant}",
        task_queue=floor.task_queue,
        search_attributes=labels(floor.tenant, None),
    )
    mine = (await floor.start({"hold": 1})).id
    assert [item.id for item in (await listed(floor, 1)).items] == [mine]


def test_quotes_and_backslashes_cannot_leave_a_filter() -> None:
    spelled = query("t", Filters(version="1' OR MillwrightTenant != '\\"))
    assert spelled.endswith(r"MillwrightVersion = '1\' OR MillwrightTenant != \'\\'")
