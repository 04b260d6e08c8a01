"""Not a test: records all cases anew. See `record`, which runs it."""

import os

import pytest

from tests.histories import recordings
from tests.histories.cases import CASES
from tests.histories.lesson import changed_commands, lesson
from tests.histories.recordings import Recording
from tests.histories.running import Recorder
from workflows.interpreter.types import ENGINE

pytestmark = pytest.mark.anyio


async def test_record(recorder: Recorder, restless_recorder: Recorder) -> None:
    kept = recordings.fingerprints()
    fresh = [
        await (restless_recorder if case.restless else recorder).record(case) for case in CASES
    ]
    same_engine = kept.get("engine") == ENGINE.model_dump()
    if same_engine and os.environ["MILLWRIGHT_TEST_RECORD"] != "force":
        known = [each for each in fresh if each.name in kept["commands"]]
        changed = [
            line for each in known for line in changed_commands(recordings.read(each.name), each)
        ]
        assert not changed, lesson(changed)
    for each in fresh:
        # Old ones are worth more, and the repository does not grow.
        if not (same_engine and each.name in kept["commands"] and _same(each)):
            recordings.write(each)
    recordings.write_fingerprints(fresh)


def _same(fresh: Recording) -> bool:
    recorded = recordings.read(fresh.name)
    return (recorded.fingerprint, recorded.output, recorded.error) == (
        fresh.fingerprint,
        fresh.output,
        fresh.error,
    )
