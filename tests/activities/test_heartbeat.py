from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.heartbeat import beating
from foundation.errors import UnavailableError

pytestmark = pytest.mark.anyio


async def reports_of_a_failed_attempt(before: dict[str, Any] | None) -> list[Any]:
    """Fail before anything is sent; return what was reported."""
    reports: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: reports.append(details[0])
    environment.info = replace(
        environment.info,
        heartbeat_timeout=timedelta(seconds=10),
        heartbeat_details=[before] if before else [],
    )

    async def attempt() -> None:
        async with beating() as beat:
            assert beat.lost is (before is not None)
            raise UnavailableError("our database is away")

    with pytest.raises(UnavailableError):
        await environment.run(attempt)
    return reports


async def test_an_attempt_that_sent_nothing_says_so() -> None:
    assert await reports_of_a_failed_attempt(None) == [{"sent": False}]


async def test_that_an_earlier_attempt_may_have_sent_is_never_forgotten() -> None:
    assert await reports_of_a_failed_attempt({"sent": True}) == [{"sent": True}]
