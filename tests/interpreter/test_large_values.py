"""Values and fan-outs that Temporal itself would refuse, or end a run for."""

import json
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from temporalio.client import Client
from typing_extensions import override

from foundation.blobs import BlobStore
from foundation.database import Database
from tests.interpreter.conftest import Runner, working

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

REFERENCE = {
    "driverName": "millwright-blobs",
    "claimData": {"tenant": "other", "day": "2026-11-27", "sha256": "0" * 64, "store": "x"},
}


class _Sizes(BaseHTTPRequestHandler):
    """Answers with as many characters as it is asked for, and tells how many it was sent."""

    def do_GET(self) -> None:
        size = int(parse_qs(urlsplit(self.path).query).get("size", ["0"])[0])
        self._answer({"text": "x" * size})

    def do_POST(self) -> None:
        self._answer({"sent": len(self.rfile.read(int(self.headers["Content-Length"])))})

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class _Server(ThreadingHTTPServer):
    # A hundred branches connect at once.
    request_queue_size = 128


@pytest.fixture(scope="module")
def sizes() -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), _Sizes)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def large(
    temporal: Client,
    task_queue: str,
    tenant: str,
    stub_hosts: dict[str, str],
    shared_database: Database,
) -> AsyncIterator[Runner]:
    """Runs whose calls may answer with 6 MB."""
    async with working(
        temporal, task_queue, tenant, stub_hosts, shared_database, max_response_bytes=6_000_000
    ) as runner:
        yield runner


def get(url: str, size: int, more: str = "") -> str:
    return f"{{ call: http, with: {{ method: get, endpoint: '{url}/?size={size}' }} {more} }}"


def post(url: str, more: str = "") -> str:
    body = "body: { text: '${ .text }' }"
    return (
        f"{{ call: http, with: {{ method: post, endpoint: '{url}/', {body} }}, "
        f"input: {{ from: '$workflow.input' }} {more} }}"
    )


def fork(task: str, branches: int) -> str:
    return ", ".join(f"{{ b{n}: {task} }}" for n in range(branches))


async def test_an_answer_of_five_megabytes_travels(large: Runner, sizes: str) -> None:
    ended = await large(f"do: [ {{ ask: {get(sizes, 5_000_000)} }} ]")
    assert len(ended.output["text"]) == 5_000_000


async def test_a_large_input_is_told_in_no_answer_to_a_query(run: Runner) -> None:
    ended = await run("do: [ { keep: { set: { size: '${ .text | length }' } } } ]", text(3_000_000))
    assert ended.output == {"size": 3_000_000}
    assert (ended.progress.input, ended.progress.input_told) == (None, False)


async def test_a_hundred_branches_of_sixty_kibibytes_do_not_end_the_run(
    run: Runner, sizes: str
) -> None:
    branches = fork(post(sizes, ", output: { as: .sent }"), 100)
    ended = await run(
        f"do: [ {{ all: {{ fork: {{ branches: [ {branches} ] }} }} }} ]", text(61_440)
    )
    assert len(ended.output) == 100
    assert len({json.dumps(each) for each in ended.output}) == 1


async def test_a_hundred_local_answers_of_sixty_kibibytes_do_not_end_the_run(
    run: Runner, sizes: str
) -> None:
    local = "metadata: { millwright: { local: true } }"
    task = get(sizes, 61_440, f", output: {{ as: '.text | length' }}, {local}")
    ended = await run(f"do: [ {{ all: {{ fork: {{ branches: [ {fork(task, 100)} ] }} }} }} ]")
    assert ended.output == [61_440] * 100


async def test_large_answers_that_arrive_together_do_not_trip_the_deadlock_detector(
    large: Runner, sizes: str
) -> None:
    task = get(sizes, 3_000_000, ", output: { as: '.text | length' }")
    ended = await large(f"do: [ {{ all: {{ fork: {{ branches: [ {fork(task, 12)} ] }} }} }} ]")
    assert ended.output == [3_000_000] * 12


async def test_what_is_too_large_for_a_run_is_a_fault_of_the_task(
    large: Runner, sizes: str
) -> None:
    ended = await large(
        f"""
do:
  - both: {{ fork: {{ branches: [ {fork(get(sizes, 4_500_000), 2)} ] }} }}
  - join:
      try:
        - send: {{ call: http, with: {{ method: post, endpoint: '{sizes}/', body: '${{ . }}' }} }}
      catch: {{ as: error, do: [ {{ tell: {{ set: '${{ $error }}' }} }} ] }}
"""
    )
    assert ended.error is None
    assert ended.output["title"] == "The value is too large"
    assert ended.output["instance"].endswith("send")


async def test_an_output_that_is_too_large_is_a_fault_of_the_run(large: Runner, sizes: str) -> None:
    tasks = f"do: [ {{ both: {{ fork: {{ branches: [ {fork(get(sizes, 4_500_000), 2)} ] }} }} }} ]"
    ended = await large(tasks)
    assert (ended.error["title"], ended.error["instance"]) == ("The value is too large", "/")


async def test_a_run_that_carries_more_than_two_megabytes_goes_on(
    restless: Runner, sizes: str
) -> None:
    ended = await restless(
        f"""
do:
  - each:
      for: {{ in: '[range(12)]' }}
      do: [ {{ ask: {get(sizes, 10, ", output: { as: '$input' }")} }} ]
  - last: {{ set: {{ size: '${{ .text | length }}' }} }}
""",
        text(3_000_000),
    )
    assert ended.output == {"size": 3_000_000}
    assert ended.runs > 1


async def test_a_workflow_gives_and_takes_large_values_of_another_one(run: Runner) -> None:
    run.publish("echo", "do: [ { back: { set: '${ . }' } } ]")
    inner = "{ run: { workflow: { namespace: tests, name: echo, version: '1.0.0' } } }"
    ended = await run(
        f"do: [ {{ call: {inner} }}, {{ n: {{ set: '${{ .text | length }}' }} }} ]", text(2_500_000)
    )
    assert ended.output == 2_500_000


@pytest.mark.parametrize("size", [0, 100_000])
async def test_json_that_looks_like_a_reference_is_json(run: Runner, size: int) -> None:
    value = {**REFERENCE, "filler": "x" * size}
    ended = await run("do: [ { keep: { set: '${ . }' } } ]", value)
    assert ended.output == value


async def test_large_values_are_not_in_the_history(
    run: Runner, tenant: str, blobs: BlobStore
) -> None:
    handle = await run.start("do: [ { keep: { set: '${ .text }' } } ]", text(300_000))
    assert len((await run.ended(handle)).output) == 300_000
    history = await handle.fetch_history()
    assert sum(event.ByteSize() for event in history.events) < 10_000
    assert tenant in await blobs.tenants()


def text(size: int) -> dict[str, str]:
    return {"text": "x" * size}
