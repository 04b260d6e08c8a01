"""Programs that die around a call: whether it can have run is known where it can be known."""

import os
import signal
import sys
from pathlib import Path

import anyio
import pytest

from foundation.settings import StdioCommand, StdioSettings
from security.mask import Mask
from security.response_bodies import ResponseTooLargeError
from tests.fixtures.polling import pause
from tests.toolhub.stdio.test_odd_server import lives
from tests.toolhub.stdio.test_pool import Wired, pid_of, send, wired
from toolhub.outcome import Executed, classify
from toolhub.wire.exchange import ProgramEndedError, UnreadableAnswerError
from toolhub.wire.stdio.adapter import Stdio
from toolhub.wire.stdio.commands import Allowed
from toolhub.wire.stdio.inlet import Inlet
from toolhub.wire.stdio.process import Meter, running
from toolhub.wire.watch import Watch

__all__ = ["wired"]
pytestmark = pytest.mark.anyio

LEAVING = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    answer = {"jsonrpc": "2.0", "id": request["id"]}
    if request["method"] != "initialize":
        answer["error"] = {"code": -32601, "message": "no"}
        print(json.dumps(answer), flush=True)
        continue
    version = request["params"]["protocolVersion"]
    info = {"name": "leaving", "version": "1"}
    answer["result"] = {"protocolVersion": version, "capabilities": {}, "serverInfo": info}
    print(json.dumps(answer), flush=True)
    break
"""
LONG = """
print('{"jsonrpc": "2.0", "id": 7, "result": {"text": "' + "x" * 3_000_000)
"""


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_one_that_has_died_unnoticed_is_replaced(wired: Wired) -> None:
    wire = wired()
    before = await pid_of(wire, "a")
    os.kill(before, signal.SIGKILL)
    while lives(before):  # the event loop must not see it
        pass
    assert await pid_of(wire, "a") != before


async def test_one_that_dies_before_it_reads_the_call_is_replaced(wired: Wired) -> None:
    wire = wired()
    before, after = await pid_of(wire, "a"), 0

    async def call() -> None:
        nonlocal after
        after = await pid_of(wire, "a")

    os.kill(before, signal.SIGSTOP)
    while state(before) != "T":  # until then it may still take what is written
        await pause()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        for _ in range(5):
            await pause()
        os.kill(before, signal.SIGKILL)
    assert after not in {0, before}


async def test_a_call_that_a_new_one_never_read_has_certainly_not_run() -> None:
    command = StdioCommand(argv=[sys.executable, "-c", LEAVING], tenants=["*"])
    wire = Stdio(StdioSettings(commands={"leaving": command}), 1024)
    exchange = await send(wire, "a", command="leaving")
    await wire.aclose()
    assert isinstance(exchange.fault, ProgramEndedError)
    outcome = classify(exchange, repeatable=False)
    assert (outcome.executed, outcome.retryable) == (Executed.NO, True)


async def test_a_call_that_was_read_may_have_run(wired: Wired) -> None:
    exchange = await send(wired(), "a", "die")
    assert classify(exchange, repeatable=False).executed is Executed.UNKNOWN


@pytest.mark.parametrize(
    ("asked", "fault"),
    [(None, UnreadableAnswerError), (6, UnreadableAnswerError), (7, ResponseTooLargeError)],
)
async def test_a_long_line_is_an_answer_only_to_what_was_asked(
    tmp_path: Path, asked: int | None, fault: type[Exception]
) -> None:
    python = (sys.executable, "-c", LONG)
    allowed = Allowed(python, tmp_path, 1, environment={"PATH": ""}, mask=Mask())
    watch, inlet = Watch(), Inlet()
    if asked is not None:
        inlet.ask(asked)
    async with running(allowed, watch, Meter(1_000_000), inlet) as (received, _):
        with pytest.raises(anyio.EndOfStream):
            await received.receive()
    assert type(watch.fault) is fault
