"""The breaker of one process and the one in Redis do what a small model does, call by call."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.redis import RedisLink, open_redis
from tests.fixtures.redis_server import RedisServer
from tests.toolhub.breaker.conftest import rules
from tests.toolhub.breaker.model import BURST, INTERVAL_S, LEASE_S, LEAST, OPEN_S, WINDOW, Model
from toolhub.breaker.local import LocalBreaker
from toolhub.breaker.shared import SharedBreaker, name_of
from toolhub.breaker.types import Breaker, Mode, Refusal, Rules, Ticket, Verdict

# All times are multiples of five seconds; what Redis really needs for an example is much less.
ACQUIRE = st.tuples(st.just("acquire"), st.sampled_from([*["auto"] * 5, "closed", "open"]))
# -1 is the call that was let through last.
RECORD = st.tuples(st.just("record"), st.integers(-1, 5), st.sampled_from("gsa" + "bx" * 3 + "i"))
PASS = st.tuples(st.just("pass"), st.sampled_from([5, 10, 20, 30]))
RARELY = st.one_of(
    st.tuples(st.just("throttle"), st.just(-1), st.sampled_from([5, 15])),
    st.tuples(st.just("acquire"), st.just("disabled")),
    st.tuples(st.just("reset")),
)
CALL = st.tuples(st.sampled_from("gbbbbxs"), st.booleans()).map(
    lambda call: [("acquire", "auto"), ("record", -1, call[0]), *[("pass", 10)] * call[1]]
)
STEPS = st.lists(
    st.one_of(
        CALL,
        CALL,
        CALL,
        *(st.lists(each, min_size=1, max_size=3) for each in (ACQUIRE, RECORD, PASS)),
        RARELY.map(lambda step: [step]),
    ),
    min_size=10,
    max_size=40,
).map(lambda parts: [step for part in parts for step in part])
TOLERANCE_S = 2.5
SHIFT = """
for name in string.gmatch('ulqa', '.') do
  if redis.call('HEXISTS', KEYS[1], name) == 1 then
    redis.call('HINCRBYFLOAT', KEYS[1], name, ARGV[1])
  end
end
"""


def numbers(mode: Mode = Mode.AUTO, *, rated: bool) -> Rules:
    return rules(
        mode,
        breaker_window=WINDOW,
        breaker_min_calls=LEAST,
        breaker_open_s=OPEN_S,
        rate_burst=BURST,
        **({"rate_per_minute": 60 / INTERVAL_S} if rated else {}),
    )


@dataclass
class Real:
    """A breaker, and how time passes for it."""

    breaker: Breaker
    link: RedisLink | None = None
    key: str = field(default_factory=lambda: f"press/{uuid4()}")
    now: float = 0.0
    tickets: list[Ticket] = field(default_factory=list)

    async def passes(self, seconds: int) -> None:
        self.now += seconds
        if self.link is None:
            return
        # The clock of Redis is its own: instead, everything that is kept happened earlier.
        await self.link.ask(
            lambda client: client.eval(SHIFT, 1, name_of(self.key), str(-1000 * seconds))
        )

    async def acquire(self, given: Rules) -> tuple[str, float]:
        answer = await self.breaker.acquire(self.key, given, LEASE_S * 1000)
        if isinstance(answer, Refusal):
            return answer.why, answer.left_ms / 1000
        self.tickets.append(answer)
        return "P" if answer.probe else "C", len(self.tickets) - 1


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def way(redis_server: RedisServer, runner: asyncio.Runner) -> Iterator[RedisLink]:
    link = open_redis(redis_server.settings)
    assert link is not None
    yield link
    runner.run(link.aclose())


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, rated=st.booleans())
def test_both_breakers_do_what_the_model_does(
    runner: asyncio.Runner, way: RedisLink, steps: list[tuple[str, ...]], *, rated: bool
) -> None:
    local = Real(LocalBreaker(lambda: local.now))
    shared = Real(SharedBreaker(way, LocalBreaker()), way)
    runner.run(compare(Model(), (local, shared), steps, rated=rated))


async def compare(
    model: Model, real: tuple[Real, ...], steps: list[tuple[str, ...]], *, rated: bool
) -> None:
    mode = Mode.AUTO
    for step in steps:
        if step[0] == "acquire":
            mode = Mode(step[1])
        expected = model_takes(model, step, mode, rated=rated)
        for each in real:
            said, number = await take(each, step, mode, rated=rated)
            assert said == expected[0]
            assert number == pytest.approx(expected[1], abs=TOLERANCE_S)
            snapshot = await each.breaker.look(each.key)
            assert (snapshot.state, snapshot.window) == (model.state, "".join(model.last))


async def take(real: Real, step: tuple[str, ...], mode: Mode, *, rated: bool) -> tuple[str, float]:
    rules_now = numbers(mode, rated=rated)
    match step:
        case ("acquire", _):
            return await real.acquire(rules_now)
        case ("record" | "throttle" as kind, number, what) if real.tickets:
            ticket = real.tickets[int(number) % len(real.tickets)]
            verdict, throttle_s = told(kind, what)
            await real.breaker.record(real.key, rules_now, ticket, verdict, throttle_s * 1000)
        case ("pass", seconds):
            await real.passes(int(seconds))
        case ("reset",):
            await real.breaker.reset(real.key)
        case _:
            pass
    return "", 0


def model_takes(model: Model, step: tuple[str, ...], mode: Mode, *, rated: bool) -> tuple[str, int]:
    match step:
        case ("acquire", _):
            return model.acquire(mode, rated=rated)
        case ("record" | "throttle" as kind, number, what) if model.calls:
            verdict, throttle_s = told(kind, what)
            which = int(number) % len(model.calls)
            model.record(which, verdict, throttle_s, may_open=mode is Mode.AUTO)
        case ("pass", seconds):
            model.now += int(seconds)
        case ("reset",):
            model.reset()
        case _:
            pass
    return "", 0


def told(kind: str, what: str) -> tuple[Verdict, int]:
    return (Verdict(what), 0) if kind == "record" else (Verdict.NOTHING, int(what))
