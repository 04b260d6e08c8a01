"""What an exchange means, for facts that are hard to bring about on a real wire."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from foundation.json import JsonValue
from toolhub.outcome import Executed, Kind, classify, retry_after
from toolhub.wire.exchange import Exchange


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("7", 7),
        ("86400", 60),
        ("9" * 400, 60),
        ("-1", None),
        ("soon", None),
        ("\u0667", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_long(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after(header) == seconds


def test_retry_after_counts_from_now() -> None:
    soon = format_datetime(datetime.now(tz=UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (retry_after(soon) or 0) <= 30


@pytest.mark.parametrize(
    "fault",
    [
        httpx2.ConnectError("refused"),
        httpx2.ConnectTimeout("no route"),
        httpx2.PoolTimeout("all connections are busy"),
    ],
)
def test_what_was_never_sent_is_always_tried_again(fault: Exception) -> None:
    outcome = classify(Exchange(fault=fault, requested=True), repeatable=False)
    assert (outcome.kind, outcome.executed, outcome.retryable) == (
        Kind.UNREACHABLE,
        Executed.NO,
        True,
    )


@pytest.mark.parametrize("fault", [httpx2.ReadError("reset"), httpx2.ReadTimeout("slow")])
def test_a_break_while_negotiating_did_not_run_the_tool(fault: Exception) -> None:
    outcome = classify(Exchange(fault=fault, requested=False), repeatable=False)
    assert (outcome.executed, outcome.retryable) == (Executed.NO, True)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (Exchange(status=401, fault=httpx2.ReadError("x")), Kind.UNAUTHORIZED),
        (Exchange(status=500, rpc_code=-32602, requested=True), Kind.SERVER_FAILED),
        (Exchange(status=200, content_type="text/html", rpc_code=-32600), Kind.NOT_MCP),
        (Exchange(result={"resultType": "news"}, requested=True), Kind.NOT_MCP),
        (Exchange(status=200, rpc_code=-32001, requested=True), Kind.BROKEN_OFF),
        (Exchange(status=200, rpc_code=-32022, requested=True), Kind.OTHER_VERSION),
        (Exchange(requested=True), Kind.NOT_MCP),
    ],
)
def test_the_most_certain_fact_decides(facts: Exchange, kind: Kind) -> None:
    assert classify(facts, repeatable=False).kind is kind


def test_a_result_that_is_here_counts_although_the_good_bye_broke() -> None:
    facts = Exchange(result={"content": []}, requested=True, fault=httpx2.ReadError("late"))
    assert classify(facts, repeatable=False).kind is Kind.ANSWERED


@pytest.mark.parametrize(
    ("task_id", "kind", "executed"),
    [
        ("T1", Kind.ACCEPTED, Executed.YES),
        ("", Kind.NOT_MCP, Executed.UNKNOWN),
        (None, Kind.NOT_MCP, Executed.UNKNOWN),
        (7, Kind.NOT_MCP, Executed.UNKNOWN),
        ("x" * 1025, Kind.NOT_MCP, Executed.UNKNOWN),
    ],
)
def test_a_task_is_an_answer_when_it_can_be_asked_for(
    task_id: JsonValue, kind: Kind, executed: Executed
) -> None:
    facts = Exchange(result={"resultType": "task", "taskId": task_id}, requested=True)
    outcome = classify(facts, repeatable=False)
    assert (outcome.kind, outcome.executed, outcome.retryable) == (kind, executed, False)
