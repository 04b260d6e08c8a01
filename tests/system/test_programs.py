"""Programs in the whole product: enabled by an administrator, run by a worker process of theirs."""

import os
import shutil
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest

from millwright_client import Millwright, MillwrightApiError
from tests.fixtures.system import System

pytestmark = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="There is no bwrap (apt-get install bubblewrap)."
)

DEFINITION = """
document: { dsl: '1.0.3', namespace: tests, name: %s, version: '1.0.0' }
do:
  - count:
      run:
        script:
          language: python
          stdin: ${ . }
          code: |
            import json, sys, time
            time.sleep(%s)
            print(sum(json.load(sys.stdin)["counts"]))
output: { as: '${ fromjson }' }
"""


def asleep(mark: str) -> bool:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in file.read_bytes():
                return True
        except OSError:
            continue
    return False


def published(client: Millwright, seconds: str) -> str:
    name = f"count-{uuid4().hex[:8]}"
    with pytest.raises(MillwrightApiError) as refused:
        client.workflows.publish(DEFINITION % (name, seconds))
    assert "millwright features enable programs" in str(refused.value.details)
    client.features.put("programs", enabled=True)
    client.workflows.publish(DEFINITION % (name, seconds))
    return name


def test_an_enabled_tenants_program_is_run(system: System) -> None:
    system.start_programs()
    with system.new_tenant() as client:
        name = published(client, "0")
        started = client.workflows.start("tests", name, input={"counts": [20, 22]})
        ended = client.wait(started.id, timeout=90)
        assert (ended.status, ended.output, ended.error) == ("COMPLETED", 42, None)

        client.features.put("programs", enabled=False)
        started = client.workflows.start("tests", name, input={"counts": [1]})
        ended = client.wait(started.id, timeout=90)
        assert ended.status == "FAILED"
        assert "is not enabled for this tenant" in str(ended.error)


def test_a_program_whose_worker_dies_is_run_again(system: System) -> None:
    first = system.start_programs()
    with system.new_tenant() as client:
        name = published(client, "2")
        started = client.workflows.start("tests", name, input={"counts": [20, 22]})
        while not asleep("/usr/bin/python3\0-I\0-B\0/program/main.py"):
            time.sleep(0.05)
        os.killpg(first.pid, signal.SIGKILL)
        system.start_programs()
        ended = client.wait(started.id, timeout=110)
        assert (ended.status, ended.output, ended.error) == ("COMPLETED", 42, None)
