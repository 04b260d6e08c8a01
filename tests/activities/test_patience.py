import pytest

from activities.patience import patiently
from foundation.errors import UnavailableError, UpstreamError

pytestmark = pytest.mark.anyio


async def test_our_own_outage_is_waited_for() -> None:
    answers = [UnavailableError("away"), UnavailableError("away"), "there"]

    async def look() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await patiently(look) == "there"


async def test_what_others_do_not_answer_is_not_asked_again() -> None:
    asked = []

    async def call() -> None:
        asked.append(1)
        raise UpstreamError("the server failed")

    with pytest.raises(UpstreamError):
        await patiently(call)
    assert len(asked) == 1
