"""What a breaker does, in one process and in Redis alike."""

import pytest

from tests.fixtures.polling import pause
from tests.toolhub.breaker.conftest import rules
from toolhub.breaker.types import Breaker, Mode, Refusal, Rules, State, Ticket, Verdict, Why

pytestmark = pytest.mark.anyio

LEASE_MS = 60_000
USUAL = rules()
SHORT = rules(breaker_open_s=0.1)


async def let_through(
    breaker: Breaker, key: str, numbers: Rules = USUAL, lease_ms: int = LEASE_MS
) -> Ticket:
    answer = await breaker.acquire(key, numbers, lease_ms)
    assert isinstance(answer, Ticket), answer
    return answer


async def refused(breaker: Breaker, key: str, numbers: Rules = USUAL) -> Refusal:
    answer = await breaker.acquire(key, numbers, LEASE_MS)
    assert isinstance(answer, Refusal), answer
    return answer


async def calls(breaker: Breaker, key: str, verdicts: str, numbers: Rules = USUAL) -> None:
    for verdict in verdicts:
        ticket = await let_through(breaker, key, numbers)
        await breaker.record(key, numbers, ticket, Verdict(verdict))


async def probe(breaker: Breaker, key: str, numbers: Rules = SHORT, **more: int) -> Ticket:
    """Wait until a call is let through again."""
    while not isinstance(
        answer := await breaker.acquire(key, numbers, more.get("lease", 60_000)), Ticket
    ):
        await pause()
    assert answer.probe
    return answer


async def state(breaker: Breaker, key: str) -> State:
    return (await breaker.look(key)).state


async def test_five_failures_of_ten_leave_it_closed_and_six_open_it(
    breaker: Breaker, key: str
) -> None:
    await calls(breaker, key, "gbgbgbgbgb")
    assert await state(breaker, key) is State.CLOSED
    await calls(breaker, key, "b")  # the oldest, which was good, is no longer among the ten
    assert await state(breaker, key) is State.OPEN


async def test_it_opens_at_no_fewer_calls_than_the_least(breaker: Breaker, key: str) -> None:
    few = rules(breaker_min_calls=4)
    await calls(breaker, key, "bbb", few)
    assert await state(breaker, key) is State.CLOSED
    await calls(breaker, key, "b", few)
    assert await state(breaker, key) is State.OPEN


async def test_an_open_one_refuses_and_says_for_how_long(breaker: Breaker, key: str) -> None:
    await calls(breaker, key, "b" * 10)
    refusal = await refused(breaker, key)
    assert refusal.why is Why.OPEN
    assert 0 < refusal.left_ms <= 30_000
    assert (await breaker.look(key)).refused == 1


async def test_one_probe_goes_out_after_the_wait_and_success_closes_it(
    breaker: Breaker, key: str
) -> None:
    await calls(breaker, key, "b" * 10, SHORT)
    ticket = await probe(breaker, key)
    assert ticket.moved
    assert (await refused(breaker, key, SHORT)).why is Why.PROBING
    assert await breaker.record(key, SHORT, ticket, Verdict.GOOD) is State.CLOSED
    await calls(breaker, key, "bbbbbbbbb", SHORT)  # nine of an empty window
    assert await state(breaker, key) is State.CLOSED
    moved = [each.state for each in (await breaker.look(key)).moments]
    assert moved == [State.OPEN, State.HALF_OPEN, State.CLOSED]


async def test_a_probe_that_fails_opens_it_again(breaker: Breaker, key: str) -> None:
    await calls(breaker, key, "b" * 10, SHORT)
    ticket = await probe(breaker, key)
    assert await breaker.record(key, SHORT, ticket, Verdict.BAD) is State.OPEN
    assert (await refused(breaker, key, SHORT)).why is Why.OPEN


async def test_a_probe_that_says_nothing_is_made_again(breaker: Breaker, key: str) -> None:
    await calls(breaker, key, "b" * 10, SHORT)
    ticket = await probe(breaker, key)
    assert await breaker.record(key, SHORT, ticket, Verdict.NOTHING) is None
    assert (await let_through(breaker, key, SHORT)).probe


async def test_a_server_that_answers_anything_is_well_and_is_not_counted(
    breaker: Breaker, key: str
) -> None:
    await calls(breaker, key, "a" * 20)
    assert (await breaker.look(key)).window == ""
    await calls(breaker, key, "b" * 10, SHORT)
    ticket = await probe(breaker, key)
    assert await breaker.record(key, SHORT, ticket, Verdict.ALIVE) is State.CLOSED


async def test_a_dead_probe_blocks_no_longer_than_its_lease(breaker: Breaker, key: str) -> None:
    await calls(breaker, key, "b" * 10, SHORT)
    dead = await probe(breaker, key, lease=150)
    second = await probe(breaker, key)
    assert dead.token != second.token
    assert await breaker.record(key, SHORT, dead, Verdict.GOOD) is None
    assert await state(breaker, key) is State.HALF_OPEN
    assert await breaker.record(key, SHORT, second, Verdict.GOOD) is State.CLOSED


async def test_results_of_calls_from_before_the_opening_come_too_late(
    breaker: Breaker, key: str
) -> None:
    late = [await let_through(breaker, key) for _ in range(30)]
    await calls(breaker, key, "b" * 10, SHORT)
    await breaker.record(key, SHORT, late[0], Verdict.GOOD)
    assert await state(breaker, key) is State.OPEN
    ticket = await probe(breaker, key)
    for each in late[1:15]:
        await breaker.record(key, SHORT, each, Verdict.GOOD)
    assert await state(breaker, key) is State.HALF_OPEN
    await breaker.record(key, SHORT, ticket, Verdict.GOOD)
    for each in late[15:]:
        await breaker.record(key, SHORT, each, Verdict.BAD)
    assert await state(breaker, key) is State.CLOSED


async def test_too_many_slow_calls_open_it(breaker: Breaker, key: str) -> None:
    await calls(breaker, key, "gsgsgsgsgs")
    assert await state(breaker, key) is State.CLOSED
    await calls(breaker, key, "s")
    assert await state(breaker, key) is State.OPEN


async def test_tenants_and_servers_have_breakers_of_their_own(breaker: Breaker, key: str) -> None:
    await calls(breaker, key, "b" * 10)
    await let_through(breaker, key.replace("press", "paint"))


async def test_a_throttled_server_gets_no_calls_and_is_not_ill(breaker: Breaker, key: str) -> None:
    ticket = await let_through(breaker, key)
    await breaker.record(key, USUAL, ticket, Verdict.NOTHING, 20_000)
    refusal = await refused(breaker, key)
    assert refusal.why is Why.THROTTLED
    assert 0 < refusal.left_ms <= 20_000
    assert await state(breaker, key) is State.CLOSED


async def test_a_burst_goes_at_once_and_then_calls_go_at_their_rate(
    breaker: Breaker, key: str
) -> None:
    agreed = rules(rate_per_minute=120, rate_burst=3)
    for _ in range(3):
        await let_through(breaker, key, agreed)
    refusal = await refused(breaker, key, agreed)
    assert refusal.why is Why.RATE
    assert 0 < refusal.left_ms <= 500
    while isinstance(await breaker.acquire(key, agreed, LEASE_MS), Refusal):
        await pause()
    assert (await refused(breaker, key, agreed)).why is Why.RATE


async def test_a_rate_keeps_back_a_probe_without_using_it_up(breaker: Breaker, key: str) -> None:
    agreed = rules(breaker_open_s=0.1, rate_per_minute=60, rate_burst=10)
    await calls(breaker, key, "b" * 10, agreed)
    kept_back = set()
    while isinstance(answer := await breaker.acquire(key, agreed, LEASE_MS), Refusal):
        kept_back.add(answer.why)
        await pause()
    assert kept_back == {Why.OPEN, Why.RATE}
    assert answer.probe


@pytest.mark.parametrize("mode", [Mode.CLOSED, Mode.DISABLED])
async def test_forced_closed_lets_through_what_an_open_one_would_not(
    breaker: Breaker, key: str, mode: Mode
) -> None:
    await calls(breaker, key, "b" * 10)
    await calls(breaker, key, "b" * 20, rules(mode))


async def test_forced_closed_counts_and_never_opens(breaker: Breaker, key: str) -> None:
    await calls(breaker, key, "b" * 20, rules(Mode.CLOSED))
    snapshot = await breaker.look(key)
    assert (snapshot.state, snapshot.window) == (State.CLOSED, "b" * 10)


async def test_forced_open_lets_nothing_through(breaker: Breaker, key: str) -> None:
    assert (await refused(breaker, key, rules(Mode.OPEN))).why is Why.FORCED


async def test_a_reset_forgets_what_was_found_out_and_calls_under_way(
    breaker: Breaker, key: str
) -> None:
    under_way = [await let_through(breaker, key) for _ in range(10)]
    await calls(breaker, key, "b" * 10)
    await breaker.reset(key)
    for ticket in under_way:
        await breaker.record(key, USUAL, ticket, Verdict.BAD)
    assert await state(breaker, key) is State.CLOSED
    assert (await breaker.look(key)).window == ""
