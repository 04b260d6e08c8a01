"""What is kept of each case: its histories, how it ended, and a hash of its commands."""

import gzip
import json
import re
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowHistory

from tests.histories.sequence import commands, fingerprint
from workflows.interpreter.types import ENGINE

FOLDER: Final = Path(__file__).parent / "recorded"
# Recorded before a change that is gated with `workflow.patched`; never recorded again.
UNGATED: Final = Path(__file__).parent / "ungated"
FINGERPRINTS: Final = Path(__file__).parent / "fingerprints.json"
# Of the machine that recorded; replaying needs none of them.
_OF_THE_MACHINE: Final = {"identity", "stackTrace", "workerVersion", "binaryChecksum"}


@dataclass(frozen=True)
class Recording:
    """One instance that ran: the histories of its runs, and its output or error."""

    name: str
    workflow_id: str
    runs: Sequence[WorkflowHistory]
    output: Any = None
    error: Any = None

    @property
    def commands(self) -> list[str]:
        return commands(self.runs)

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.commands)


def write(recording: Recording) -> None:
    """Keep a recording."""
    kept = {
        "workflow_id": recording.workflow_id,
        "output": recording.output,
        "error": recording.error,
        "runs": [_without_machine(run.to_json_dict()) for run in recording.runs],
    }
    FOLDER.mkdir(exist_ok=True)
    content = json.dumps(kept, separators=(",", ":"), sort_keys=True).encode()
    _file(recording.name).write_bytes(gzip.compress(content, mtime=0))


def read(name: str, folder: Path = FOLDER) -> Recording:
    """Return what was recorded.

    Raises:
        AssertionError: When nothing was; it says how to record.
    """
    file = _file(name, folder)
    assert file.exists(), f"There is no recording of '{name}': python -m tests.histories.record"
    kept = json.loads(gzip.decompress(file.read_bytes()))
    runs = [WorkflowHistory.from_json(kept["workflow_id"], run) for run in kept["runs"]]
    return Recording(name, kept["workflow_id"], runs, kept["output"], kept["error"])


def ungated() -> list[str]:
    """Name what was recorded before its gate."""
    return sorted(file.name.removesuffix(".json.gz") for file in UNGATED.glob("*.json.gz"))


def text_of(name: str, folder: Path = FOLDER) -> str:
    """Return everything that a file holds, payloads decoded."""
    text = gzip.decompress(_file(name, folder).read_bytes()).decode()
    payloads = re.findall(r'"data":"([^"]*)"', text)
    return "\n".join([text, *(b64decode(each).decode(errors="replace") for each in payloads)])


def fingerprints() -> dict[str, Any]:
    """Return the engine that recorded, and the hash of each case."""
    kept: dict[str, Any] = json.loads(FINGERPRINTS.read_text()) if FINGERPRINTS.exists() else {}
    return kept


def write_fingerprints(recordings: Sequence[Recording]) -> None:
    """Keep the hashes of these recordings, and forget all others."""
    kept = {
        "engine": ENGINE.model_dump(),
        "commands": {
            each.name: f"{each.fingerprint} ({len(each.commands)} commands)"
            for each in sorted(recordings, key=lambda each: each.name)
        },
    }
    FINGERPRINTS.write_text(json.dumps(kept, indent=2) + "\n")
    names = {each.name for each in recordings}
    for file in FOLDER.glob("*.json.gz"):
        if file.name.removesuffix(".json.gz") not in names:
            file.unlink()


def _file(name: str, folder: Path = FOLDER) -> Path:
    return folder / f"{name}.json.gz"


def _without_machine(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_machine(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {
        key: _without_machine(item) for key, item in value.items() if key not in _OF_THE_MACHINE
    }
    if kept.get("kind") == "TASK_QUEUE_KIND_STICKY":
        kept["name"] = "sticky"
    return kept
