"""What counts against a server, by the table of outcomes."""

import httpx2
import pytest

from foundation.json import JsonObject
from foundation.settings import McpSettings
from toolhub.breaker.types import Verdict
from toolhub.breaker.verdict import verdict_of
from toolhub.outcome import classify
from toolhub.wire.exchange import Exchange

GOOD: JsonObject = {"content": []}
ACCEPTED: JsonObject = {"resultType": "task", "taskId": "T1"}
FAILED: JsonObject = {"content": [], "isError": True}


def verdict(exchange: Exchange, seconds: float = 0.1, **numbers: object) -> Verdict:
    outcome = classify(exchange, repeatable=False)
    given = McpSettings.model_validate(numbers)
    return verdict_of(outcome, exchange, seconds=seconds, numbers=given)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Exchange(result=GOOD, requested=True), Verdict.GOOD),
        (Exchange(result=ACCEPTED, requested=True), Verdict.GOOD),
        (Exchange(result=FAILED, requested=True), Verdict.ALIVE),
        (Exchange(status=401, requested=True), Verdict.ALIVE),
        (Exchange(status=403, requested=True), Verdict.ALIVE),
        (Exchange(status=400, rpc_code=-32602, requested=True), Verdict.ALIVE),
        (Exchange(status=404, rpc_code=-32601, requested=True), Verdict.ALIVE),
        (Exchange(status=404, requested=True), Verdict.BAD),
        (Exchange(status=408, requested=True), Verdict.BAD),
        (Exchange(status=429, requested=True), Verdict.NOTHING),
        (Exchange(status=503, requested=True), Verdict.BAD),
        (Exchange(status=500, requested=True), Verdict.BAD),
        (Exchange(status=302, requested=True), Verdict.NOTHING),
        (Exchange(fault=httpx2.ConnectError("refused")), Verdict.BAD),
        (Exchange(fault=httpx2.ReadError("reset"), requested=True), Verdict.BAD),
        (Exchange(timed_out=True, requested=True), Verdict.BAD),
        (Exchange(status=200, content_type="text/html", rpc_code=-32600), Verdict.BAD),
    ],
)
def test_what_counts_against_a_server(facts: Exchange, expected: Verdict) -> None:
    assert verdict(facts) is expected


def test_a_tools_failure_counts_where_it_is_asked_for() -> None:
    failed = Exchange(result=FAILED, requested=True)
    assert verdict(failed, breaker_counts_tool_failures=True) is Verdict.BAD


def test_what_takes_longer_than_slow_is_slow_whatever_comes_of_it() -> None:
    good, broken = Exchange(result=GOOD, requested=True), Exchange(status=500, requested=True)
    assert verdict(good, 2.0) is Verdict.GOOD
    assert verdict(good, 2.0, breaker_slow_s=1) is Verdict.SLOW
    assert verdict(broken, 2.0, breaker_slow_s=1) is Verdict.BAD_AND_SLOW
