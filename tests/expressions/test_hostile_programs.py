"""Programs written to hang, fill or kill a worker end with an error of ours, always the same one.

How long they take is measured by `make bench`; here only the fuel counts, which knows no clock.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Final

import pytest

from tests.expressions.hostile import HOSTILE, Hostile, Outcome, fits
from tests.shared_data import ROOT

# Of all programs of a share together, on top of what the process has after the first one.
GROWTH_KB: Final = 300_000
SHARDS: Final = 4
# For a share of them; a tenth is ordinary.
PATIENCE_S: Final = 50
HASH_SEEDS: Final = ("0", "4711")


@dataclass(frozen=True)
class Report:
    """What one process says about one program: how it ended each time, and its own size."""

    outcomes: list[Outcome]
    max_rss_kb: int


def start(shard: int, hash_seed: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.expressions.hostile", str(shard), str(SHARDS)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def reports(child: subprocess.Popen[str], programs: list[Hostile]) -> list[Report]:
    try:
        out, complaints = child.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        out, complaints = child.communicate()
    found = [
        Report([Outcome(**each) for each in line["outcomes"]], line["max_rss_kb"])
        for line in map(json.loads, out.splitlines())
    ]
    if len(found) < len(programs):
        pytest.fail(f"'{programs[len(found)]}' hangs or ended the process: {complaints[-2000:]}")
    return found


@pytest.mark.parametrize("shard", range(SHARDS))
def test_each_ends_as_it_has_to_and_always_in_the_same_way(shard: int) -> None:
    programs = HOSTILE[shard::SHARDS]
    children = [start(shard, seed) for seed in HASH_SEEDS]
    one, other = (reports(child, programs) for child in children)
    wrong = []
    for hostile, mine, again in zip(programs, one, other, strict=True):
        # Then in a thread below other frames, and in a process with another order of hashes.
        first, *others = mine.outcomes + again.outcomes
        if not fits(hostile, first):
            wrong.append(f"'{hostile}' has to end as '{hostile.end}': {first}")
        wrong += [
            f"'{hostile}' ends in two ways: {first}, {each}" for each in others if each != first
        ]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    assert one[-1].max_rss_kb - one[0].max_rss_kb < GROWTH_KB


def test_each_program_has_a_name_of_its_own() -> None:
    assert len({hostile.name for hostile in HOSTILE}) == len(HOSTILE)


def test_an_attack_that_gets_through_would_be_seen() -> None:
    assert not fits(Hostile("x", "."), Outcome("x", ended="value", message="", fuel=1))
