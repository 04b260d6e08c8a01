"""Instances are found by what their definitions say of them."""

from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from tests.instances.eventually import eventually
from tests.interpreter.conftest import Runner
from workflows.instances.listing import query
from workflows.instances.types import Filters

pytestmark = pytest.mark.anyio


def tagged(tags: str, kind: str = "set: { seen: true }", name: str = "note") -> str:
    return f"  - {name}: {{ {kind}, metadata: {{ millwright: {{ searchAttributes: {tags} }} }} }}\n"


async def found(client: Client, tenant: str, *tags: str) -> list[str]:
    return [each.id async for each in client.list_workflows(query(tenant, Filters(tags=tags)))]


async def kept(handle: WorkflowHandle[Any, Any]) -> list[str]:
    attributes = (await handle.describe()).typed_search_attributes
    return [
        entry for pair in attributes if pair.key.name == "MillwrightTags" for entry in pair.value
    ]


async def test_an_instance_is_found_by_texts_numbers_and_expressions(
    run: Runner, temporal: Client
) -> None:
    tasks = "do:\n" + tagged("{ order: '${ .order }', line: PRESS-7, urgent: true }")
    ours = await run.start(tasks, {"order": 4711})
    other = await run.start(tasks, {"order": "it's 5"})
    for handle in (ours, other):
        assert (await run.ended(handle)).error is None

    async def by(*tags: str) -> list[str]:
        return await found(temporal, run.tenant, *tags)

    assert await eventually(lambda: by("order=4711"), bool) == [ours.id]
    assert await eventually(lambda: by("order=it's 5"), bool) == [other.id]
    assert await by("order=4711", "urgent=true") == [ours.id]
    assert await by("order=4711", "urgent=false") == []
    assert await found(temporal, "another", "order=4711") == []
    assert await run.replay(ours) == 1


async def test_a_later_task_adds_replaces_and_takes_away(run: Runner) -> None:
    tasks = (
        "do:\n"
        + tagged("{ step: first, line: 7 }")
        + tagged("{ step: second, order: '${ .seen }' }", name="more")
        + tagged("{ line: '${ null }' }", name="less")
    )
    handle = await run.start(tasks)
    assert (await run.ended(handle)).error is None
    assert await kept(handle) == ["order=true", "step=second"]


async def test_what_cannot_be_searched_is_a_fault(run: Runner) -> None:
    ended = await run("do:\n" + tagged("{ order: '${ . }' }"), {"order": 1})
    assert ended.kind == "validation"
    assert "'order' is dict" in ended.error["detail"]
    ended = await run("do:\n" + tagged("{ order: '${ .order }' }"), {"order": "x" * 300})
    assert "longer than 255 bytes" in ended.error["detail"]


@pytest.mark.parametrize(("letter", "most"), [("x", 247), ("한", 41), ('"', 124)])
async def test_more_than_temporal_takes_is_a_fault_and_no_termination(
    run: Runner, letter: str, most: int
) -> None:
    """Temporal has 2,048 bytes for them as they are sent: JSON in ASCII."""
    names = ", ".join(f"t{n}: '${{ .text }}'" for n in range(8))
    for text, kind in ((letter * most, None), (letter * (most + 1), "validation")):
        handle = await run.start("do:\n" + tagged(f"{{ {names} }}"), {"text": text})
        ended = await run.ended(handle)
        assert (ended.kind if ended.error else None) == kind
        assert len(await kept(handle)) == (0 if kind else 8)


async def test_tags_are_kept_when_the_instance_goes_on_as_a_new_run(restless: Runner) -> None:
    loop = (
        "  - wait: { for: { each: n, in: '${ [range(12)] }' }, "
        "do: [ { go: { wait: { milliseconds: 1 } } } ] }\n"
    )
    handle = await restless.start("do:\n" + tagged("{ order: 7 }") + loop)
    assert (await restless.ended(handle)).error is None
    assert await restless.replay(handle) > 1
    assert await kept(handle) == ["order=7"]
