"""What ran once runs on: recorded histories replay, and nobody changes commands by mistake."""

import re

import pytest

from foundation.telemetry.runs import RunTracing
from tests.fixtures.telemetry import Told
from tests.histories import recordings
from tests.histories.cases import CASES, Case
from tests.histories.lesson import changed_commands, lesson
from tests.histories.replays import replayed
from tests.histories.running import Recorder
from workflows.interpreter.types import ENGINE

pytestmark = pytest.mark.anyio
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

EACH_UNGATED = pytest.mark.parametrize("name", recordings.ungated())


@EACH
async def test_a_recorded_history_replays_to_the_same_end(case: Case) -> None:
    recorded = recordings.read(case.name)
    assert await replayed(recorded) == (recorded.output, recorded.error)


@EACH
async def test_it_replays_to_the_same_end_where_traces_are_made(case: Case) -> None:
    told, recorded = Told(), recordings.read(case.name)
    end = await replayed(recorded, [RunTracing(told.telemetry.tracer)])
    assert end == (recorded.output, recorded.error)
    assert not told.spans(), "what happened before is not told again"


@EACH_UNGATED
async def test_a_run_from_before_a_gate_goes_on_as_it_began(name: str) -> None:
    recorded = recordings.read(name, recordings.UNGATED)
    assert await replayed(recorded) == (recorded.output, recorded.error)


@EACH
def test_a_recording_has_the_fingerprint_that_is_written_down(case: Case) -> None:
    recorded = recordings.read(case.name)
    kept = recordings.fingerprints()["commands"].get(case.name, "")
    assert kept.split(" ")[0] == recorded.fingerprint, "python -m tests.histories.record"


@EACH
def test_a_recording_tells_nothing_of_the_machine_and_no_secret(case: Case) -> None:
    assert_tells_nothing(recordings.text_of(case.name))


@EACH_UNGATED
def test_a_recording_from_before_a_gate_tells_nothing_either(name: str) -> None:
    assert_tells_nothing(recordings.text_of(name, recordings.UNGATED))


def assert_tells_nothing(text: str) -> None:
    assert not re.findall(r"\d@|/home|/work|/tmp|site-packages|\.py\b|planted", text)


def test_histories_are_of_the_engine_that_runs_now() -> None:
    assert recordings.fingerprints()["engine"] == ENGINE.model_dump(), (
        "ENGINE was raised: python -m tests.histories.record"
    )


async def test_commands_are_those_that_were_recorded(
    recorder: Recorder, restless_recorder: Recorder
) -> None:
    """Run all cases anew: a run of yesterday has to find the same commands in today's worker."""
    changed = []
    for case in CASES:
        fresh = await (restless_recorder if case.restless else recorder).record(case)
        changed += changed_commands(recordings.read(case.name), fresh)
    assert not changed, lesson(changed)
