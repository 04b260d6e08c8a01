"""`millwright run` and `millwright instances` against the whole system, API and worker included."""

import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from cli.main import FAILED, OK, USAGE, main
from millwright_client import Millwright
from tests.fixtures.system import System

pytestmark = pytest.mark.usefixtures("plant")

CANCELLED, TIMED_OUT, LEFT = 3, 4, 130

HELLO = """\
document: { dsl: '1.0.3', namespace: press-line, name: hello, version: '1.0.0' }
do:
  - each:
      for: { each: line, in: '${ .lines // [1, 2] }' }
      do:
        - greet: { set: { text: '${ "Line \\($line)" }' } }
"""
FAILING = """\
document: { dsl: '1.0.3', namespace: press-line, name: failing, version: '1.0.0' }
do:
  - note: { emit: { event: { with: { source: 'https://plant.example', type: noted } } } }
  - check:
      if: ${ .ok != true }
      raise: { error: { type: 'https://plant.example/errors/bad', status: 400, title: A bad part } }
"""
LONG = """\
document: { dsl: '1.0.3', namespace: press-line, name: long, version: '1.0.0' }
do:
  - before: { set: { begun: true } }
  - pause: { wait: { hours: 1 } }
"""
TAGGED = """\
document: { dsl: '1.0.3', namespace: press-line, name: tagged, version: '1.0.0' }
do:
  - note:
      set: { done: true }
      metadata: { millwright: { searchAttributes: { order: '${ .order }', line: PRESS-7 } } }
"""
LATE = """\
document: { dsl: '1.0.3', namespace: press-line, name: late, version: '1.0.0' }
timeout: { after: { milliseconds: 200 } }
do:
  - pause: { wait: { hours: 1 } }
"""
LATE_TASK = """\
document: { dsl: '1.0.3', namespace: press-line, name: late-task, version: '1.0.0' }
do:
  - pause: { wait: { hours: 1 }, timeout: { after: { milliseconds: 200 } } }
"""
Said = tuple[int, str, str]
Command = Callable[..., Said]


@pytest.fixture
def plant(client: Millwright, system: System, monkeypatch: pytest.MonkeyPatch) -> Millwright:
    """A tenant with definitions, whom the environment names."""
    for text in (HELLO, FAILING, LONG, LATE, LATE_TASK, TAGGED):
        client.workflows.publish(text)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_URL", system.url)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_TOKEN", client.access_token or "")
    return client


@pytest.fixture
def millwright(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command: exit status, standard output, standard error."""

    def run(*arguments: str) -> Said:
        capsys.readouterr()
        status = main(list(arguments))
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return status, said.out, said.err

    return run


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let something be on standard input."""

    def pipe(content: str) -> None:
        raw = io.BytesIO(content.encode())
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(raw, encoding="utf-8"))

    return pipe


def started(client: Millwright, name: str, value: Any = None) -> str:
    return client.workflows.start("press-line", name, input=value or {}).id


def ended(client: Millwright, name: str, value: Any = None) -> str:
    instance = started(client, name, value)
    assert client.wait(instance, timeout=60).ended
    return instance


def test_a_run_shows_its_tasks_and_prints_its_output(millwright: Command) -> None:
    status, out, err = millwright("run", "press-line/hello", "--input", '{"lines": [7]}')
    assert (status, json.loads(out)) == (OK, {"text": "Line 7"})
    assert "/do/0/each#0/do/0/greet" in err
    assert err.splitlines()[-1] == "COMPLETED"


@pytest.mark.parametrize(
    ("name", "outcome", "words"),
    [
        ("failing", FAILED, "A bad part"),
        ("late", TIMED_OUT, "TIMED_OUT"),
        ("late-task", FAILED, "errors/timeout"),
    ],
)
def test_the_exit_status_is_the_outcome(
    millwright: Command, name: str, outcome: int, words: str
) -> None:
    status, out, err = millwright("run", f"press-line/{name}@1.0.0", "--input", "{}")
    assert (status, out) == (outcome, "")
    assert words in err


def test_a_file_is_published_and_run(millwright: Command, tmp_path: Path) -> None:
    file = tmp_path / "hello.yaml"
    file.write_text(HELLO.replace("name: hello", "name: own"))
    status, _, err = millwright("run", str(file), "--input", "{}")
    assert status == OK
    assert "Published press-line/own@1.0.0" in err
    assert "Published" not in millwright("run", str(file), "--input", "{}")[2]


def test_what_cannot_be_published_is_told_with_its_place(
    millwright: Command, pipe: Callable[[str], None]
) -> None:
    pipe(HELLO.replace("- each:", "- each:\n      then: gret"))
    status, _, err = millwright("run", "-")
    assert status == FAILED
    assert "Line 4, column 7: There is no task called 'gret'" in err


@pytest.mark.parametrize("given", ["argument", "file", "stdin"])
def test_the_input_comes_from_the_line_a_file_or_standard_input(
    millwright: Command, pipe: Callable[[str], None], tmp_path: Path, given: str
) -> None:
    text = '{"lines": ["A", "B"]}'
    file = tmp_path / "input"
    file.write_text(text)
    pipe(text)
    where = {"argument": text, "file": str(file), "stdin": "-"}[given]
    status, out, _ = millwright("run", "press-line/hello", "--input", where)
    assert (status, json.loads(out)) == (OK, {"text": "Line B"})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "press-line/hello", "--input", "{line: 7}"), "neither JSON nor a file"),
        (("run", "press-line"), "Name a workflow as press-line/NAME"),
        (("run", "press-line/hello@"), "names no workflow"),
        (("run", "nowhere.yaml"), "nowhere.yaml cannot be read: No such file"),
        (("run", "-", "--input", "-"), "not both"),
        (("run", "press-line/hello", "--input", "[NaN]"), "neither JSON nor a file"),
        (("instances", "list", "--active", "--status", "failed"), "Either --active or --status"),
        (("instances", "list", "--limit", "0"), "--limit is 1 or more"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error_that_teaches(
    millwright: Command, arguments: tuple[str, ...], words: str
) -> None:
    status, out, err = millwright(*arguments)
    assert (status, out) == (USAGE, "")
    assert words in err


def test_what_is_not_there_is_one_sentence(millwright: Command) -> None:
    status, _, err = millwright("run", "press-line/helo")
    assert status == FAILED
    assert "press-line/helo" in err
    status, _, err = millwright("instances", "show", "press-line.hello.none")
    assert status == FAILED
    assert "There is no workflow instance" in err


def test_a_program_reads_one_object_a_line(millwright: Command) -> None:
    status, out, err = millwright("run", "press-line/hello", "--input", "{}", "--json")
    assert (status, err) == (OK, "")
    lines = [json.loads(line) for line in out.splitlines()]
    first, *tasks, last = lines
    assert first["started"]["version"] == "1.0.0"
    assert [line["task"]["sequence"] for line in tasks] == list(range(1, len(lines) - 1))
    assert last["ended"]["output"] == {"text": "Line 2"}


def test_a_detached_run_prints_its_id_and_goes_on(millwright: Command, plant: Millwright) -> None:
    status, out, err = millwright("run", "press-line/long", "--detach", "--key", "order-7")
    assert (status, out) == (OK, "press-line.long.order-7\n")
    assert "millwright instances show press-line.long.order-7 --follow" in err
    assert not plant.instances.get("press-line.long.order-7").ended

    assert millwright("run", "press-line/long", "--detach", "--key", "order-7")[1] == out


def test_instances_are_listed_and_narrowed(millwright: Command, plant: Millwright) -> None:
    failed, late, long = ended(plant, "failing"), ended(plant, "late"), started(plant, "long")
    _until(lambda: long in millwright("instances", "list", "--json")[1])

    status, out, _ = millwright("instances", "list", "--status", "failed")
    assert status == OK
    assert [line.split()[0] for line in out.splitlines()] == ["STATUS", "FAILED"]
    assert failed in out
    _, out, _ = millwright("instances", "list", "--status", "timed_out", "--json")
    assert [each["id"] for each in json.loads(out)] == [late]
    _, out, _ = millwright("instances", "list", "--active", "--json")
    assert [each["id"] for each in json.loads(out)] == [long]
    _, out, _ = millwright("instances", "list", "--workflow", "press-line/failing@1.0.0", "--json")
    assert [each["id"] for each in json.loads(out)] == [failed]
    status, out, err = millwright("instances", "list", "--limit", "1")
    assert len(out.splitlines()) == 2
    assert "There are more than 1" in err
    assert "There are none" in millwright("instances", "list", "--workflow", "elsewhere")[2]


def test_instances_are_found_by_their_search_attributes(
    millwright: Command, plant: Millwright
) -> None:
    instance = ended(plant, "tagged", {"order": 4711})
    ended(plant, "tagged", {"order": 12})
    searched = ("instances", "list", "--search", "order=4711", "--search", "line=PRESS-7", "--json")
    _until(lambda: instance in millwright(*searched)[1])
    assert [each["id"] for each in json.loads(millwright(*searched)[1])] == [instance]
    assert plant.instances.list(search={"order": "4711", "line": "PRESS-8"}).items == []
    status, _, err = millwright("instances", "list", "--search", "order")
    assert status == USAGE
    assert "--search order=4711" in err


def test_an_instance_is_shown_with_its_tasks_as_a_tree(
    millwright: Command, plant: Millwright
) -> None:
    instance = ended(plant, "hello")
    status, out, _ = millwright("instances", "show", instance)
    assert status == OK
    tasks = [line for line in out.splitlines() if line.lstrip().startswith("+ ")]
    assert [line.split("  set")[0].split("  for")[0].rstrip() for line in tasks] == [
        "+ each",
        "  + greet",
        "  + greet",
    ]
    assert json.loads(millwright("instances", "show", instance, "--json")[1])["id"] == instance


def test_an_instance_that_waits_says_for_what(millwright: Command, plant: Millwright) -> None:
    instance = started(plant, "long")
    _until(lambda: "waits for timer at /do/1/pause" in millwright("instances", "show", instance)[1])


def test_an_instance_is_paused_goes_on_and_is_cancelled(
    millwright: Command, plant: Millwright
) -> None:
    instance = started(plant, "long")
    assert millwright("instances", "pause", instance)[:2] == (
        OK,
        f"{instance} begins no further task.\n",
    )
    assert plant.instances.get(instance).status == "PAUSED"
    assert millwright("instances", "resume", instance)[0] == OK
    status, _, err = millwright("instances", "cancel", instance, "--follow")
    assert status == CANCELLED
    assert err.splitlines()[-1] == "CANCELLED"
    status, _, err = millwright("instances", "cancel", instance)
    assert status == FAILED
    assert instance in err


def test_a_preview_says_what_would_happen_again_and_begins_nothing(
    millwright: Command, plant: Millwright
) -> None:
    instance = ended(plant, "failing")
    status, out, _ = millwright("instances", "rerun", instance, "note", "--preview")
    assert status == OK
    assert "would begin again at /do/0/note" in out
    assert "/do/0/note" in out.splitlines()[-1]
    assert "emit" in out.splitlines()[-1]
    assert plant.instances.get(instance).status == "FAILED"


def test_a_failed_instance_goes_on_with_another_input(
    millwright: Command, plant: Millwright
) -> None:
    instance = ended(plant, "failing")
    status, out, err = millwright(
        "instances", "retry", instance, "--input", '{"ok": true}', "--follow"
    )
    assert "begins again at /do/1/check" in out
    assert (status, err.splitlines()[-1]) == (OK, "COMPLETED")


def test_a_task_to_go_on_with_is_named_or_pointed_at(
    millwright: Command, plant: Millwright
) -> None:
    instance = ended(plant, "hello")
    status, _, err = millwright("instances", "rerun", instance, "greet")
    assert status == USAGE
    assert "  /do/0/each#1/do/0/greet" in err.splitlines()
    assert "It executed: each, greet" in millwright("instances", "rerun", instance, "grt")[2]
    status, _, _ = millwright("instances", "rerun", instance, "each", "--follow")
    assert status == OK


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [("l\n", LEFT, "--follow"), ("c\n", CANCELLED, "CANCELLED"), ("\x03", LEFT, "--follow")],
)
def test_ctrl_c_asks_and_the_instance_goes_on_unless_told_otherwise(
    plant: Millwright, answer: str, status: int, words: str
) -> None:
    with Terminal("run", "press-line/long", "--key", "seven") as terminal:
        terminal.until("/do/1/pause")
        terminal.press("\x03")
        terminal.until("[c]ancel it?")
        terminal.press(answer)
        assert terminal.ended() == status
        assert words in terminal.said
    assert plant.instances.get("press-line.long.seven").ended == (status == CANCELLED)


def test_without_a_terminal_an_interrupt_leaves_at_once(plant: Millwright) -> None:
    command = [sys.executable, "-m", "cli.main", "run", "press-line/long", "--key", "eight"]
    with subprocess.Popen(  # noqa: S603 - ours
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stderr is not None
        assert any("/do/1/pause" in line for line in child.stderr)
        child.send_signal(signal.SIGINT)
        said = child.stderr.read()
    assert child.returncode == LEFT
    assert "millwright instances show press-line.long.eight --follow" in said
    assert not plant.instances.get("press-line.long.eight").ended


# Makes a terminal that the command controls, so that Ctrl-C is a signal there, in a process of its
# own: forking this one, with the threads of all its clients, would be asking for trouble.
ON_A_TERMINAL = (
    "import os, pty, sys; "
    "status = pty.spawn([sys.executable, '-m', 'cli.main', *sys.argv[1:]]); "
    "raise SystemExit(os.waitstatus_to_exitcode(status))"
)


class Terminal:
    """The command on a terminal, as a person sits before it."""

    def __init__(self, *arguments: str) -> None:
        self.said = ""
        self.child = subprocess.Popen(  # noqa: S603 - ours
            [sys.executable, "-c", ON_A_TERMINAL, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        # Whoever waits for words that never come is freed.
        self.guard = threading.Timer(60, self.child.kill)

    def __enter__(self) -> Self:
        self.guard.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.guard.cancel()
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            assert pipe is not None
            pipe.close()

    def press(self, keys: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(keys.encode())

    def until(self, words: str) -> None:
        for _ in self._chunks():
            if words in self.said:
                return
        pytest.fail(f"never said {words!r}: {self.said}")

    def ended(self) -> int:
        for _ in self._chunks():
            pass
        return self.child.wait()

    def _chunks(self) -> Iterator[bytes]:
        assert self.child.stdout is not None
        while chunk := self.child.stdout.read(4096):
            self.said += chunk.decode()
            yield chunk


def _until(held: Callable[[], bool]) -> None:
    """Visibility and the first workflow task lag behind by a fraction of a second."""
    pause = threading.Event()
    for _ in range(200):
        if held():
            return
        pause.wait(0.1)
    pytest.fail("It never held.")
