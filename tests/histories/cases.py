"""What is recorded: `definitions/`, small workflows that together use all of the interpreter.

Their commands must not depend on chance: branches that end at about the same time belong in the
other tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from activities.schedules import TriggerKind
from foundation.json import JsonValue

Told = Literal["cancel", "pause", "resume"]

FOLDER: Final = Path(__file__).parent / "definitions"


@dataclass(frozen=True)
class Case:
    """One definition and what happens to it.

    Attributes:
        statuses: What the plant answers, in turn; it is 200 for ever when left out.
        told: What the run is told as soon as a task of that name runs.
        trigger: What is recorded is not the definition but what starts it by itself.
        restless: On a server that wants runs to go on as new ones after twenty events.
    """

    name: str
    definition: Mapping[str, Any]
    input: JsonValue = None
    statuses: Sequence[int] = ()
    told: Mapping[str, Sequence[Told]] = field(default_factory=dict)
    trigger: TriggerKind | None = None
    restless: bool = False


def _read(file: Path) -> Case:
    given = yaml.safe_load(file.read_text())
    if (kind := given.pop("trigger", None)) is not None:
        given["trigger"] = TriggerKind(kind)
    if True in given["definition"].get("schedule", {}):
        # To YAML 1.1 `on` is a truth value.
        given["definition"]["schedule"]["on"] = given["definition"]["schedule"].pop(True)
    return Case(file.stem, **given)


_ALL: Final = {file.stem: _read(file) for file in sorted(FOLDER.glob("*.yaml"))}
# Published, and run by cases that run others.
CHILD: Final = _ALL.pop("child")
CASES: Final = tuple(_ALL.values())
