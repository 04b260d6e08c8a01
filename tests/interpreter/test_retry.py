"""Trying again: what a `catch` says about it, and that attempts do not multiply."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest
from typing_extensions import override

from tests.interpreter.conftest import Runner
from workflows.interpreter.types import TaskState

pytestmark = pytest.mark.anyio

BAD = "raise: { error: { type: 'https://e.com/bad', status: 400 } }"


class Busy:
    """A server that is busy for a while."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.asked = 0
        # How long it takes to answer, until it is shut down.
        self.holds_s = 0.0
        self.over = Event()
        busy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                busy.asked += 1
                busy.over.wait(busy.holds_s)
                self.send_response(busy.answers.pop(0) if busy.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            @override
            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def busy() -> Iterator[Busy]:
    busy = Busy()
    thread = Thread(target=busy.server.serve_forever)
    thread.start()
    yield busy
    busy.over.set()
    busy.server.shutdown()
    thread.join()
    busy.server.server_close()


def attempt(retry: str, tasks: str = f"- fail: {{ {BAD} }}", more: str = "") -> str:
    catch = f"{{ retry: {retry}{more} }}"
    return f"do:\n  - attempt:\n      try:\n        {tasks}\n      catch: {catch}"


async def test_a_number_of_attempts_is_kept_and_then_the_fault_goes_on(run: Runner) -> None:
    ended = await run(attempt("{ limit: { attempt: { count: 3 } } }"))

    assert ended.kind == "bad"
    assert ended.error["instance"] == "/do/0/attempt/try/0/fail"
    assert ended.names(TaskState.FAULTED) == ["fail"] * 3 + ["attempt"]


async def test_when_attempts_are_over_the_catch_does_its_tasks(run: Runner) -> None:
    ended = await run(
        attempt(
            "{ limit: { attempt: { count: 2 } } }",
            more=", as: problem, do: [ { tell: { set: { status: '${ $problem.status }' } } } ]",
        )
    )

    assert ended.output == {"status": 400}


async def test_an_attempt_that_succeeds_is_the_last_one(run: Runner, busy: Busy) -> None:
    busy.answers = [500, 500]
    ended = await run(
        attempt(
            "{ delay: PT0.05S, limit: { attempt: { count: 9 } } }",
            f"- ask: {{ call: http, with: {{ method: get, endpoint: '{busy.url}' }} }}",
        )
    )

    assert ended.error is None
    assert busy.asked == 3


async def test_attempts_of_a_call_and_of_the_catch_around_it_do_not_multiply(
    run: Runner, busy: Busy
) -> None:
    """A 503 would be tried again by itself; inside of this `try` only the policy counts."""
    busy.answers = [503] * 20
    ended = await run(
        attempt(
            "{ delay: PT0.05S, limit: { attempt: { count: 3 } } }",
            f"- ask: {{ call: http, with: {{ method: get, endpoint: '{busy.url}' }} }}",
        )
    )

    assert ended.error["status"] == 503
    assert busy.asked == 3
    asked = [event.attempts for event in ended.progress.events if event.name == "ask"]
    assert asked == [None, 1] * 3


@pytest.mark.parametrize(
    ("policy", "seconds"),
    [
        ("delay: PT0.2S", 0.6),
        ("delay: PT0.2S, backoff: { linear: {} }", 1.2),
        ("delay: PT0.2S, backoff: { exponential: {} }", 1.4),
        ("delay: PT0.1S, jitter: { from: PT0.2S, to: PT0.2S }", 0.9),
    ],
)
async def test_the_delay_grows_as_the_policy_says(run: Runner, policy: str, seconds: float) -> None:
    ended = await run(attempt(f"{{ {policy}, limit: {{ attempt: {{ count: 4 }} }} }}"))

    events = ended.progress.events
    took = (events[-1].time - events[0].time).total_seconds()
    # Timers are never early; a loaded machine may add anything.
    assert seconds <= took
    assert ended.names(TaskState.FAULTED).count("fail") == 4


@pytest.mark.parametrize(
    "policy",
    ["{}", "{ delay: PT0S }", "{ backoff: { exponential: {} } }"],
)
async def test_attempts_without_a_delay_do_not_go_round_and_round(run: Runner, policy: str) -> None:
    ended = await run(f"timeout: {{ after: PT2.5S }}\n{attempt(policy)}")

    assert ended.kind == "timeout"
    # Ten at once, and then one a second; a loaded machine makes fewer.
    assert 10 <= ended.names(TaskState.FAULTED).count("fail") <= 13


async def test_all_attempts_together_have_a_limit(run: Runner) -> None:
    ended = await run(attempt("{ delay: PT0.3S, limit: { duration: PT1S } }"))

    assert ended.kind == "bad"
    assert 2 <= ended.names(TaskState.FAULTED).count("fail") <= 4


async def test_one_attempt_has_a_limit(run: Runner) -> None:
    ended = await run(
        attempt("{ limit: { attempt: { count: 2, duration: PT0.2S } } }", "- sleep: { wait: PT1H }")
    )

    assert ended.kind == "timeout"
    assert ended.names(TaskState.CANCELLED) == ["sleep"] * 2


@pytest.mark.parametrize(
    ("condition", "attempts"),
    [
        ("when: '$error.status == 400'", 3),
        ("when: '$error.status == 500'", 1),
        ("exceptWhen: '$error.status == 400'", 1),
    ],
)
async def test_not_every_error_is_worth_another_attempt(
    run: Runner, condition: str, attempts: int
) -> None:
    ended = await run(attempt(f"{{ {condition}, limit: {{ attempt: {{ count: 3 }} }} }}"))

    assert ended.names(TaskState.FAULTED).count("fail") == attempts


async def test_a_policy_can_have_a_name(run: Runner) -> None:
    twice = "use: { retries: { twice: { limit: { attempt: { count: 2 } } } } }\n"
    ended = await run(twice + attempt("twice"))

    assert ended.names(TaskState.FAULTED).count("fail") == 2


async def test_each_attempt_begins_with_the_input_of_the_try(run: Runner) -> None:
    ended = await run(
        attempt(
            "{ limit: { attempt: { count: 3 } } }",
            f"- add: {{ set: '${{ . + 1 }}' }}\n        - fail: {{ if: '. < 5', {BAD} }}",
            more=", do: [ { tell: { set: { left: '${ . }' } } } ]",
        ),
        1,
    )

    assert ended.output == {"left": 1}
