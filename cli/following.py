"""Follows an instance on the terminal until it ends, and turns how it ended into an exit status.

What it does goes to standard error line by line, its output to standard output at the end; with
`--json` everything is one object per line on standard output.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, TypeAlias

from millwright_client import Ended, Instance, Millwright, TaskEvent

OK, FAILED, CANCELLED, TIMED_OUT, LEFT = 0, 1, 3, 4, 130
OUTCOMES: Final = {
    "COMPLETED": OK,
    "FAILED": FAILED,
    "COMPENSATED": FAILED,
    "CANCELLED": CANCELLED,
    "TERMINATED": CANCELLED,
    "TIMED_OUT": TIMED_OUT,
}
# Of these people want to see that they have begun; the others are over at once, or only contain.
_SLOW: Final = ("call", "run", "wait", "listen")

Key: TypeAlias = tuple[str, str]


class Follower:
    """Shows one instance to a person, or to a program."""

    def __init__(self, client: Millwright, instance_id: str, *, as_json: bool) -> None:
        self._client = client
        self._id = instance_id
        self._json = as_json
        self._began: dict[Key, datetime] = {}
        self._seen = 0

    def follow(self) -> int:
        """Show what happens until the instance ends, or somebody leaves; return the exit status."""
        while True:
            try:
                return self._to_the_end()
            except KeyboardInterrupt:
                if not self._stays():
                    return LEFT

    def _to_the_end(self) -> int:
        for event in self._client.events(self._id, after=self._seen):
            if isinstance(event, Ended):
                return self._ended(event)
            self._seen = event.sequence
            self._task(event)
        raise AssertionError("a stream of events ends with how the instance ended")

    def _task(self, event: TaskEvent) -> None:
        if self._json:
            print_json({"task": asdict(event)})
            return
        key = (event.execution or event.reference, event.iteration)
        if event.state == "running":
            self._began[key] = event.time
            if not event.kind.startswith(_SLOW):
                return
        say(_line(event, self._began.get(key)))

    def _ended(self, event: Ended) -> int:
        if self._json:
            print_json({"ended": asdict(event)})
        else:
            say(event.status)
            print_outcome(event)
        return outcome(event)

    def _stays(self) -> bool:
        """Ask whoever pressed Ctrl-C what is meant; tell how to come back."""
        if not (self._json or not sys.stdin.isatty() or not sys.stderr.isatty()):
            match _asked(f"\n{self._id} goes on. [L]eave it, [f]ollow on, or [c]ancel it? "):
                case "f":
                    return True
                case "c":
                    self._client.instances.cancel(self._id)
                    say("Asked it to stop.")
                    return True
                case _:
                    pass
        say(f"Left. {how_to_follow(self._id)}")
        return False


def how_to_follow(instance_id: str) -> str:
    """Say how to see an instance again."""
    return f"It goes on; follow it with: millwright instances show {instance_id} --follow"


def print_outcome(ended: Ended | Instance) -> None:
    """Print the output of what completed; tell the error of what did not."""
    if ended.status == "COMPLETED":
        print(pretty(ended.output))
    elif ended.error is not None:
        say(pretty(ended.error))


def pretty(value: Any) -> str:
    """Spell JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def print_json(value: Any) -> None:
    """Print one object on one line, at once."""
    print(json.dumps(value, default=_spelled), flush=True)


def say(text: str) -> None:
    """Tell a person, not the program that reads the output."""
    print(text, file=sys.stderr, flush=True)


def clock(time: datetime | None, shape: str = "%H:%M:%S.%f") -> str:
    """Spell a time of day as it is here, to the millisecond."""
    text = time.astimezone().strftime(shape) if time else ""
    return text[:-3] if shape.endswith("%f") else text


def title(error: dict[str, Any] | None) -> str:
    """Name an error object in a few words."""
    return str(error.get("title") or error.get("type") or "") if error else ""


def outcome(ended: Ended) -> int:
    """Return the exit status for how an instance ended."""
    return OUTCOMES.get(ended.status, FAILED)


def _line(event: TaskEvent, began: datetime | None) -> str:
    parts = [clock(event.time), f"{event.execution or event.reference:<40}", f"{event.kind:<14}"]
    parts.append(f"{event.state:<10}")
    if event.state != "running" and began is not None:
        parts.append(f"{(event.time - began).total_seconds():8.3f} s")
    if event.attempts is not None and event.attempts > 1:
        parts.append(f"{event.attempts} attempts")
    if event.degraded:
        parts.append(f"degraded: {(event.fallback or {}).get('kind')}")
    if event.error is not None:
        parts.append(title(event.error))
    return "  ".join(parts).rstrip()


def _asked(question: str) -> str:
    """Return the first letter of an answer; a second Ctrl-C and the end of input mean: leave."""
    ask: Callable[[], str] = sys.stdin.readline
    try:
        print(question, end="", file=sys.stderr, flush=True)
        return ask().strip().lower()[:1]
    except KeyboardInterrupt:
        say("")
        return ""


def _spelled(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
