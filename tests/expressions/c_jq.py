"""C jq in a process of its own: it may hang, abort or exit, and is started again.

`python -m tests.expressions.c_jq` is the worker. A line of JSON in is a batch of programs and
inputs; a line of JSON out is one answer.
"""

import json
import os
import resource
import selectors
import subprocess
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

from tests.shared_data import ROOT

# For one program, when nothing else is running. A hang is a hang.
PATIENCE_S: Final = 5.0
MEMORY: Final = 2 << 30
# What one evaluation may say: more is a program that multiplies.
MAX_OUTPUTS: Final = 2_000

# `outputs` up to the end or the error; `failed` says that there was one, `lost` that there was no
# answer at all.
Answer: TypeAlias = dict[str, Any]
LOST: Final[Answer] = {"outputs": [], "failed": True, "lost": True}


class CJq:
    """Asks C jq."""

    def __init__(self) -> None:
        self._worker = _start()
        self._text = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def answers(self, cases: Sequence[tuple[str, Any]]) -> list[Answer]:
        """Evaluate programs on their inputs."""
        found: list[Answer] = []
        while len(found) < len(cases):
            self._ask(cases[len(found) :])
            found += self._read(len(cases) - len(found))
            if len(found) < len(cases):
                found.append(LOST)
                self._stop()
                self._worker = _start()
        return found

    def _ask(self, cases: Sequence[tuple[str, Any]]) -> None:
        assert self._worker.stdin
        self._text = b""
        self._worker.stdin.write(json.dumps(cases).encode() + b"\n")
        self._worker.stdin.flush()

    def _read(self, count: int) -> Iterator[Answer]:
        """Yield answers until there are enough, or none comes."""
        for _ in range(count):
            line = self._line()
            if line is None:
                return
            yield json.loads(line)

    def _line(self) -> bytes | None:
        assert self._worker.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self._worker.stdout, selectors.EVENT_READ)
            while b"\n" not in self._text:
                if not selector.select(PATIENCE_S):
                    return None
                more = os.read(self._worker.stdout.fileno(), 1 << 16)
                if not more:
                    return None
                self._text += more
        line, _, self._text = self._text.partition(b"\n")
        return line

    def _stop(self) -> None:
        self._worker.kill()
        self._worker.communicate()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.expressions.c_jq"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # It says why it aborts, which nobody asked.
        stderr=subprocess.DEVNULL,
    )


def _answer(program: str, value: Any) -> Answer:
    import jq  # noqa: PLC0415 - only the worker may have it in its process

    outputs: list[Any] = []
    try:
        for output in jq.compile(program).input_value(value):
            outputs.append(output)
            if len(outputs) > MAX_OUTPUTS:
                return LOST
    except ValueError as error:
        return {"outputs": outputs, "failed": True, "message": str(error)}
    return {"outputs": outputs, "failed": False}


def main() -> None:
    """Answer until there are no more questions."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin:
        for program, value in json.loads(line):
            sys.stdout.write(json.dumps(_answer(program, value)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
