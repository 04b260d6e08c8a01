"""What people read of an instance."""

from datetime import UTC, datetime

from cli.tables import instance_lines
from millwright_client import Instance, TaskRun


def test_a_call_that_is_tried_again_says_when_and_why() -> None:
    waiting = {
        "kind": "retry",
        "task": "/do/0/ask",
        "execution": "/do/0/ask",
        "since": "2026-11-28T06:00:00.000Z",
        "until": "2026-11-28T06:00:04.000Z",
        "attempt": 3,
        "attempts": 4,
        "error": {"title": "The server is busy", "status": 503},
    }
    instance = Instance(
        id="press-line.order.4711",
        namespace="press-line",
        name="order",
        version="1.0.0",
        status="RUNNING",
        started_at=datetime(2026, 11, 28, 6, tzinfo=UTC),
        ended_at=None,
        web_ui="http://127.0.0.1:8233",
        waiting_for=[waiting],
    )
    assert (
        "waits for retry, attempt 3 (The server is busy) at /do/0/ask, "
        "until 2026-11-28T06:00:04.000Z"
    ) in list(instance_lines(instance))


def test_a_task_that_something_stood_in_for_says_so() -> None:
    task = TaskRun(
        reference="/do/0/read",
        iteration="",
        name="read",
        kind="call mcp.tool",
        state="completed",
        attempts=4,
        execution="/do/0/read",
        degraded=True,
        fallback={"kind": "last-good", "error": "mcp-server-unreachable"},
    )
    instance = Instance(
        id="press-line.order.4711",
        namespace="press-line",
        name="order",
        version="1.0.0",
        status="COMPLETED",
        started_at=datetime(2026, 11, 28, 6, tzinfo=UTC),
        ended_at=None,
        web_ui="http://127.0.0.1:8233",
        tasks=[task],
    )
    assert "4 attempts, degraded: last-good" in "\n".join(instance_lines(instance))
