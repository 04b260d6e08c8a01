"""Expressions give the same on every replay, in any process, whatever its hashes are."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from tests.interpreter.conftest import Runner

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]

# The number of tasks after each step depends on what its expressions gave, so a difference would
# be a non-determinism error; and it goes into the output, so a difference would be seen there.
TASKS = r"""
do:
  - items:
      set:
        all: '${ [range(60) | {key: "k\(. * 7919 % 61)", n: (. * 37 % 23), f: (. / 7)}] }'
  - objects:
      set:
        many: '${ reduce .all[] as $x ({}; .[$x.key] = $x.n) }'
        groups: '${ .all | group_by(.n % 5) | map({(.[0].n % 5 | tostring): map(.key)}) | add }'
        unique: '${ .all | unique_by(.n) | map(.key) }'
        sorted: '${ .all | sort_by(-.n, .key) | map(.key) }'
        entries: '${ .all | map({(.key): .f}) | add | to_entries | map(select(.value > 3)) }'
        text: '${ .all[:9] | tojson }'
        masked: '${ .all | map(.key | sub("(?<d>[0-9]+)"; "<\(.d)>")) | unique }'
        found: '${ [.all[].key | capture("(?<a>[a-z])(?<b>[0-9])") | to_entries[]] | unique }'
        dates: '${ [0, 86399.5, 1700000000] | map(todate, (gmtime | mktime), strftime("%j %U")) }'
        floats: '${ [0.1 + 0.2, 1e17, 1/3, 5e-324, -0.0, (2 | sqrt), (10 | log2), 3.0] }'
        spelled: 'a ${ .all[3].f } b ${ .all[:2] } c ${ null }'
        differences: '${ [.all[].n] - [1, 2, 3] | length }'
        paths: '${ [.all[:4] | paths(type == "number")] | length }'
        keys: '${ [.all[] | keys_unsorted[]] | unique }'
      export: { as: '$context + {kept: (.many | keys), sorted}' }
  - endless:
      try: [ { burn: { set: { x: '${ try [range(infinite)] catch "caught inside" }' } } } ]
      catch: { do: [ { note: { set: { was: '${ $error.detail }' , so: '${ . }' } } } ] }
  - each:
      for: { in: '.so.unique | map(select(. > "k4"))' }
      do:
        - pause: { if: '$item | endswith("1")', wait: { milliseconds: 1 } }
        - work: { set: '${ .last = $item | .sum += ([range(3000)] | map(. * $index) | add) }' }
output: { as: '{data: ., context: $context}' }
"""


def replayed(workflow_id: str, history: str, seed: str) -> Any:
    """Replay in a new process; return the output."""
    ended = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.interpreter.replaying", workflow_id],
        input=history,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    return json.loads(ended.stdout)


async def test_a_run_of_many_expressions_replays_identically_in_other_processes(
    run: Runner,
) -> None:
    handle = await run.start(TASKS, {"start": 1})
    ended = await run.ended(handle)
    assert ended.error is None
    assert "more than 200,000 steps" in ended.output["data"]["was"]
    history = (await handle.fetch_history()).to_json()
    for seed in ("0", "1", "12345", "random"):
        output = await anyio.to_thread.run_sync(replayed, handle.id, history, seed)
        # As text: the order of keys counts, too.
        assert json.dumps(output) == json.dumps(ended.output), seed
