"""What an activity hands over is measured, then masked; what is large in a thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from temporalio.testing import ActivityEnvironment
from typing_extensions import override

from activities.heartbeat import Beat
from activities.requests import Request
from activities.types import ActivityResult
from activities.work import Work
from foundation.errors import TooLargeError
from foundation.json import JsonValue
from foundation.sizes import MAX_ANSWER_BYTES
from security.mask import Mask

pytestmark = pytest.mark.anyio

SECRET = "k3y-of-the-line"
T = TypeVar("T")


async def in_an_activity(ask: Callable[[Work[Request]], Awaitable[T]], mask: Mask) -> T:
    mask.hide([SECRET])

    async def run() -> T:
        return await ask(Work(Request(tenant_id="press", timeout_s=1), Beat(), mask))

    return await ActivityEnvironment().run(run)


async def result(value: JsonValue, mask: Mask) -> ActivityResult:
    return await in_an_activity(lambda work: work.result(value), mask)


class Noting(Mask):
    """Notes on which threads it looks, and goes on when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []
        self.told = threading.Event()

    @override
    def value(self, value: JsonValue) -> JsonValue:
        self.threads.append(threading.get_ident())
        assert self.told.wait(10), "Nothing else ran meanwhile."
        return super().value(value)


@pytest.mark.parametrize("value", ["x" * 300_000 + SECRET, [*range(6_000), SECRET]])
async def test_others_go_on_while_a_large_result_is_looked_through(value: JsonValue) -> None:
    mask = Noting()

    async def ask(work: Work[Request]) -> ActivityResult:
        asked = asyncio.ensure_future(work.result(value))
        await asyncio.sleep(0)
        mask.told.set()
        return await asked

    masked = await in_an_activity(ask, mask)
    assert str(value).replace(SECRET, "***") == str(masked.value)
    assert threading.get_ident() not in mask.threads


async def test_a_small_result_is_looked_through_at_once() -> None:
    mask = Noting()
    mask.told.set()
    assert (await result({"said": [SECRET]}, mask)).value == {"said": ["***"]}
    assert {*mask.threads} == {threading.get_ident()}


async def test_what_is_refused_for_its_size_is_not_looked_through() -> None:
    mask = Noting()
    with pytest.raises(TooLargeError, match="7,500,000 are allowed"):
        await result("x" * MAX_ANSWER_BYTES, mask)
    assert mask.threads == []


async def test_a_result_is_measured_again_when_secrets_were_taken_out() -> None:
    with pytest.raises(TooLargeError):
        await result([SECRET] * 10_000, Mask("*" * 800))
