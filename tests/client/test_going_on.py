"""Letting instances that have ended go on: from where they failed, or from any task."""

import time
from typing import Any

import pytest

from millwright_client import Instance, Millwright, MillwrightApiError

PATIENCE_S = 20.0
EVENT = "{ emit: { event: { with: { source: 'https://plant.example', type: made } } } }"
FRAGILE = f"""\
document: {{ dsl: '1.0.3', namespace: press-line, name: fragile, version: '1.0.0' }}
do:
  - first: {EVENT}
  - count: {{ set: {{ ok: false, count: 3 }}, export: {{ as: '{{count: .count}}' }} }}
  - both:
      fork:
        branches:
          - left: {EVENT}
          - right:
              do:
                - nap: {{ wait: PT0.3S }}
                - check:
                    if: .ok | not
                    raise: {{ error: {{ type: 'https://plant.example/no', status: 409 }} }}
  - last:
      set: {{ left: '${{ .[0].type }}', right: '${{ .[1] }}', context: '${{ $context }}' }}
"""


@pytest.fixture
def failed(client: Millwright) -> Instance:
    client.workflows.publish(FRAGILE)
    started = client.workflows.start("press-line", "fragile")
    instance = client.wait(started.id, timeout=PATIENCE_S)
    assert (instance.status, instance.error and instance.error["status"]) == ("FAILED", 409)
    return instance


def test_a_failed_instance_goes_on_with_the_task_that_failed(
    client: Millwright, failed: Instance
) -> None:
    resumed = client.instances.retry(failed.id, input={"ok": True, "mended": 1})
    instance = client.wait(failed.id, timeout=PATIENCE_S)

    assert resumed.begins_at == "/do/2/both/fork/branches/1/right/do/1/check"
    assert resumed.repeats == []
    assert instance.status == "COMPLETED"
    output: dict[str, Any] = instance.output
    assert output == {"left": "made", "right": {"ok": True, "mended": 1}, "context": {"count": 3}}
    began = [task.name for task in instance.tasks]
    assert (began.count("first"), began.count("left"), began.count("check")) == (1, 1, 2)
    assert [task.name for task in instance.tasks if task.state == "faulted"][:1] == ["check"]


def test_an_ended_instance_goes_on_with_any_task(client: Millwright, failed: Instance) -> None:
    seen = client.instances.rerun(failed.id, "/do/1/count", preview=True)
    assert [(each.name, each.kind) for each in seen.repeats] == [("left", "emit")]
    assert client.instances.get(failed.id).status == "FAILED"

    client.instances.rerun(failed.id, "/do/1/count")
    instance = client.wait(failed.id, timeout=PATIENCE_S)
    assert instance.status == "FAILED"
    # What comes after the task is told as it went this time; `first` was not done again.
    assert [task.name for task in instance.tasks] == [task.name for task in failed.tasks]
    assert instance.tasks[0] == failed.tasks[0]
    assert instance.tasks[1].started_at != failed.tasks[1].started_at


def test_only_what_has_ended_and_is_known_goes_on(client: Millwright, failed: Instance) -> None:
    with pytest.raises(MillwrightApiError, match="No such execution"):
        client.instances.rerun(failed.id, "/do/9/nothing")
    client.instances.retry(failed.id, input={"ok": True})
    client.wait(failed.id, timeout=PATIENCE_S)
    with pytest.raises(MillwrightApiError, match="No task of this instance failed"):
        client.instances.retry(failed.id)

    slow = FRAGILE.replace("PT0.3S", "PT1H").replace("name: fragile", "name: slow")
    client.workflows.publish(slow)
    started = client.workflows.start("press-line", "slow")
    with pytest.raises(MillwrightApiError, match="has not ended"):
        client.instances.retry(started.id)
    end = time.monotonic() + PATIENCE_S
    while "/do/1/count" not in str(client.instances.get(started.id)):
        assert time.monotonic() < end
        time.sleep(0.1)
    client.instances.terminate(started.id)
    while client.instances.get(started.id).status != "TERMINATED":
        assert time.monotonic() < end
        time.sleep(0.1)
    # Where it was terminated it can go on, too.
    client.instances.rerun(started.id, "/do/1/count")
    client.instances.terminate(started.id)


MENDED = f"""\
document: {{ dsl: '1.0.3', namespace: press-line, name: fragile, version: '1.1.0' }}
do:
  - news: {{ set: {{ new: true }} }}
  - first: {EVENT}
  - count: {{ set: {{ ok: true, count: 5 }}, export: {{ as: '{{count: .count}}' }} }}
  - both:
      fork:
        branches:
          - left: {EVENT}
          - right: {{ set: {{ fine: '${{ .ok }}' }} }}
  - last: {{ set: {{ right: '${{ .[1] }}', context: '${{ $context }}' }} }}
"""


def test_an_instance_goes_on_with_another_version(client: Millwright, failed: Instance) -> None:
    client.workflows.publish(MENDED)
    seen = client.instances.rerun(failed.id, "/do/1/count", version="1.1.0", preview=True)
    assert (seen.version, seen.begins_at) == ("1.1.0", "/do/2/count")
    assert [(each.name, each.kind) for each in seen.repeats] == [("left", "emit")]

    client.instances.rerun(failed.id, "/do/1/count", version="1.1.0")
    instance = client.wait(failed.id, timeout=PATIENCE_S)
    assert (instance.status, instance.version) == ("COMPLETED", "1.1.0")
    assert instance.output == {"right": {"fine": True}, "context": {"count": 5}}
    # What was done is not done again, and what stands before in the other version is not made up.
    began = [task.name for task in instance.tasks]
    assert (began.count("first"), began.count("news")) == (1, 0)


def test_a_version_without_the_task_is_refused_and_says_what_it_has(
    client: Millwright, failed: Instance
) -> None:
    renamed = MENDED.replace("1.1.0", "1.2.0").replace("- count:", "- counted:")
    client.workflows.publish(renamed)
    with pytest.raises(MillwrightApiError, match=r"no task .count. in do.*counted.*Did you mean"):
        client.instances.rerun(failed.id, "/do/1/count", version="1.2.0")
    with pytest.raises(MillwrightApiError, match=r"has no version .9\.9\.9."):
        client.instances.rerun(failed.id, "/do/1/count", version="9.9.9")
    assert client.instances.get(failed.id).status == "FAILED"


LOOPING = """\
document: { dsl: '1.0.3', namespace: press-line, name: looping, version: '1.0.0' }
do:
  - each:
      for: { in: '${ [1, 2, 3] }', each: n }
      do:
        - check:
            if: $n == 2
            raise: { error: { type: 'https://plant.example/no', status: 409 } }
"""
CHECKED = "        - check: { set: { seen: '${ [.seen[]?, $n] }' } }\n"


def test_an_instance_in_a_loop_does_not_go_on_in_another_list(client: Millwright) -> None:
    client.workflows.publish(LOOPING)
    started = client.workflows.start("press-line", "looping", input={})
    assert client.wait(started.id, timeout=PATIENCE_S).status == "FAILED"
    mended = LOOPING[: LOOPING.index("        - check")] + CHECKED
    other = mended.replace("[1, 2, 3]", "[5, 6]").replace("version: '1.0.0'", "version: '1.1.0'")
    client.workflows.publish(other)
    turn = "/do/0/each#1/do/0/check"
    with pytest.raises(MillwrightApiError, match=r"loop 'do/each'.*was changed \(for\.in\)"):
        client.instances.rerun(started.id, turn, version="1.1.0")
    assert client.instances.get(started.id).status == "FAILED"

    client.instances.rerun(started.id, "/do/0/each", version="1.1.0")
    assert client.wait(started.id, timeout=PATIENCE_S).output == {"seen": [5, 6]}
    client.workflows.publish(mended.replace("version: '1.0.0'", "version: '1.2.0'"))
    again = client.workflows.start("press-line", "looping", version="1.0.0", input={})
    client.wait(again.id, timeout=PATIENCE_S)
    client.instances.rerun(again.id, turn, version="1.2.0")
    assert client.wait(again.id, timeout=PATIENCE_S).output == {"seen": [2, 3]}


SHORT = """\
document: { dsl: '1.0.3', namespace: press-line, name: short, version: '1.0.0' }
timeout: { after: PT0.2S }
do: [ { nap: { wait: PT1H } } ]
"""


def test_another_version_says_how_long_it_may_take(client: Millwright) -> None:
    client.workflows.publish(SHORT)
    started = client.workflows.start("press-line", "short", version="1.0.0")
    assert client.wait(started.id, timeout=PATIENCE_S).error is not None
    longer = SHORT.replace("wait: PT1H", "wait: PT0.5S").replace("PT0.2S", "PT1H")
    client.workflows.publish(longer.replace("1.0.0", "1.1.0"))
    client.instances.rerun(started.id, "/do/0/nap", version="1.1.0")
    assert client.wait(started.id, timeout=PATIENCE_S).status == "COMPLETED"
