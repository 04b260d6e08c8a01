"""What is recorded: `definitions/`, small workflows that together use all of the interpreter.

Their commands must not depend on chance: branches that end at about the same time belong in the
other tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from foundation.json import JsonValue

Told = Literal["cancel", "pause", "resume"]

FOLDER: Final = Path(__file__).parent / "definitions"


@dataclass(frozen=True)
class Case:
    """One definition and what happens to it.

    Attributes:
        statuses: What the plant answers, in turn; it is 200 for ever when left out.
        told: What the run is told as soon as a task of that name runs.
        restless: On a server that wants runs to go on as new ones after twenty events.
    """

    name: str
    definition: Mapping[str, Any]
    input: JsonValue = None
    statuses: Sequence[int] = ()
    told: Mapping[str, Sequence[Told]] = field(default_factory=dict)
    restless: bool = False


def _read(file: Path) -> Case:
    return Case(file.stem, **yaml.safe_load(file.read_text()))


_ALL: Final = {file.stem: _read(file) for file in sorted(FOLDER.glob("*.yaml"))}
# Published, and run by cases that run others.
CHILD: Final = _ALL.pop("child")
CASES: Final = tuple(_ALL.values())
