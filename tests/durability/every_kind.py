"""The workflow that uses every kind of task, and everything that it talks to."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.local.ports import LOOPBACK, free_port, is_open
from deploy.local.processes import Child, Program
from millwright_client import Approval, Millwright, MillwrightError
from tests.fixtures.mosquitto import PASSWORD, Mosquitto

FOLDER: Final = Path(__file__).parent
DEFINITIONS: Final = ("collector", "undoing", "every_kind")
SUBSCRIBED: Final = re.compile(r"^\d+: \t(steps/[a-z0-9]+) \(QoS", re.MULTILINE)

# Doing it twice does harm, and nothing but the outcome of the call tells whether it was done.
ONCE: Final = (
    *("post", "grpc", "publish", "a2a", "mcp", "tool", "turn-a", "turn-b"),
    *("reserve", "free", "read-1", "read-2", "heard-1", "heard-2"),
)
# These are safe to repeat, or say that they go out at least once.
OFTEN: Final = (
    *("before", "extended", "after", "openapi", "local", "notify", "left", "right", "fast"),
    *("unprepare", "told", "finally", "flaky"),
)
OUTPUT: Final = {
    "extended": "step-extended@KEY",
    "post": "step-post@KEY",
    "openapi": "step-openapi@KEY",
    "grpc": "step-grpc@KEY",
    "publish": "step-publish@KEY",
    "a2a": "step-a2a@KEY",
    "mcp": "step-mcp@KEY",
    "tool": "step-tool@KEY",
    "local": "step-local@KEY",
    "notify": True,
    "emit": "part.done",
    "group": True,
    "loop": "b",
    "both": ["step-left@KEY", "step-right@KEY"],
    "race": "step-fast@KEY",
    "flaky": "step-flaky@KEY",
    "caught": "Bad",
    "late": True,
    "undone": "Broken",
    "program": 42,
    "paid": "A-17",
    "readings": [1, 2],
    "heard": [1, 2],
    "released": True,
}


def output_of(key: str) -> Any:
    """Return what a run gives, whatever happens to its workers."""

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("KEY", key)
        return [filled(each) for each in value] if isinstance(value, list) else value

    return {name: filled(value) for name, value in OUTPUT.items()}


@dataclass
class Witness:
    """The other side of every call, in a process of its own."""

    http_port: int
    grpc_port: int
    file: Path

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}"

    def done(self, key: str) -> Counter[str]:
        """Return how often each step of a run was executed."""
        lines = self.file.read_text(encoding="ascii").split()
        ends = f"@{key}"
        return Counter(
            line.removesuffix(ends).removeprefix("step-") for line in lines if line.endswith(ends)
        )


@contextmanager
def witness(folder: Path) -> Iterator[Witness]:
    """Have somebody to talk to."""
    made = Witness(free_port(), free_port(), folder / "done.txt")
    made.file.touch()
    command = ("-m", "tests.durability.witness", str(made.http_port), str(made.grpc_port))
    child = Child(
        Program(
            name="witness",
            command=(sys.executable, *command, str(made.file)),
            log=folder / "witness.log",
        )
    )
    try:
        for port in (made.http_port, made.grpc_port):
            child.wait_ready(lambda port=port: is_open(LOOPBACK, port), 30)  # type: ignore[misc]
        yield made
    finally:
        child.stop()


def publish(client: Millwright, witness: Witness, mosquitto: Mosquitto) -> None:
    """Make a tenant ready for the workflow."""
    client.features.put("programs", enabled=True)
    client.secrets.put("broker", PASSWORD)
    client.mcp.register_server("witness", url=f"{witness.url}/mcp")
    for name in DEFINITIONS:
        text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
        for placeholder, real in {
            "WITNESS": witness.url,
            "GRPC": str(witness.grpc_port),
            "BROKER": str(mosquitto.port),
        }.items():
            text = text.replace(placeholder, real)
        client.workflows.publish(text)


def start(client: Millwright, key: str) -> str:
    """Start one run, and send all that it will listen for."""
    run = client.workflows.start("tests", "every-kind", input={"key": key}, idempotency_key=key)
    client.cloud_events.publish(
        _event(key, "order.paid", 0, order="A-17"),
        *(_event(key, "press.reading", each, number=each) for each in (1, 2)),
    )
    return run.id


def end_shift(client: Millwright, keys: Sequence[str]) -> None:
    """Let those who gather what was emitted come to their end."""
    for first in range(0, len(keys), 100):
        client.cloud_events.publish(
            *(_event(key, "shift.over", 0) for key in keys[first : first + 100])
        )


def _event(key: str, kind: str, nth: int, **data: Any) -> dict[str, Any]:
    return {
        "id": f"{kind}-{key}-{nth}",
        "source": "https://plant.example",
        "type": kind,
        "data": {"key": key, **data},
    }


@dataclass
class People:
    """Those who approve, and the machines that send messages to whoever subscribes.

    They approve when they were told: what is not told yet when somebody decides is not told at all.

    Attributes:
        witness: Knows who was told.
        busy: Runs that nobody can reach now.
    """

    client: Millwright
    mosquitto: Mosquitto
    witness: Witness
    busy: Callable[[], Collection[str]]
    pool: ThreadPoolExecutor
    _deciding: dict[str, Future[Approval]] = field(default_factory=dict)
    _sent: set[str] = field(default_factory=set)

    def answer(self) -> None:
        """Do what there is to do now."""
        self._send()
        self._approve()

    def _send(self) -> None:
        for topic in SUBSCRIBED.findall(self.mosquitto.log()):
            if topic not in self._sent:
                self._sent.add(topic)
                self.mosquitto.publish(topic, "1", "2")

    def _approve(self) -> None:
        busy = self.busy()
        for each in self.client.approvals.list(page_size=100).items:
            known = self._deciding.get(each.id)
            # Who cannot be reached is asked again.
            free = known is None or (known.done() and _is_failed(known))
            key = each.title.partition("@")[2]
            if free and key not in busy and self.witness.done(key)["told"]:
                self._deciding[each.id] = self.pool.submit(self.client.approvals.approve, each)


def _is_failed(decision: Future[Approval]) -> bool:
    return isinstance(decision.exception(), MillwrightError)
