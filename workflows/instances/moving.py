"""Taking where a run stood over to another version of its definition.

Tasks are the same ones when they have the same names in the same lists, wherever in the list they
are. Everything that the run stands in has to be there in the other version, or nothing is moved. A
loop in its middle counts turns of the list that it began with, so it has to be the same loop; what
is done in a turn may be another thing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from foundation.errors import InvalidInputError
from foundation.json import JsonObject, canonical
from workflows.definition import ForSpec
from workflows.definition.findings import did_you_mean
from workflows.expressions import expression_in
from workflows.interpreter.compiling import kind_of, pointer_token
from workflows.interpreter.position import State
from workflows.interpreter.types import Carried

# `#3` is a turn of a loop, `!2` an attempt, `*1` a jump back.
_MARKS: Final = re.compile(r"(?:[#!*]\d+)*")
_ROOT: Final = "/"
_TOP: Final = "//"
# What these remember fits any task of their kind; the others remember what they were told to do.
_OPEN: Final = frozenset({"do", "for", "fork", "try", "workflow"})
_SHOWN: Final = 20


class CannotMoveError(InvalidInputError):
    """Where the instance stood does not exist in the other version."""

    code = "cannot-move"


@dataclass(frozen=True)
class Versions:
    """Two versions of a definition.

    Attributes:
        name: Of the new one, for messages.
    """

    old: JsonObject
    new: JsonObject
    name: str

    def moved(self, carried: Carried) -> Carried:
        """Take over where a run stood.

        Raises:
            CannotMoveError: When that is not there in the new version.
        """
        states = dict(self._moved(path, state) for path, state in carried.states.items())
        undoable = [self._undoable(done) for done in carried.undoable]
        return carried.model_copy(update={"states": states, "undoable": undoable})

    def path(self, path: str) -> str:
        """Say what an execution of a task is called in the new version.

        Raises:
            CannotMoveError: When the task is not there.
        """
        return self._walk(path).path

    def has(self, path: str) -> bool:
        """Tell whether a task is in the new version, too."""
        try:
            self._walk(path)
        except CannotMoveError:
            return False
        return True

    def _walk(self, path: str) -> "_Walk":
        walk = _Walk(self, path)
        walk.run()
        return walk

    def _moved(self, path: str, state: State) -> tuple[str, State]:
        if path == _ROOT:
            return path, state
        if path.startswith(_TOP):
            # The list of the workflow itself, whose own execution is called '/'.
            moved, taken = self._moved(path[1:], state)
            return f"/{moved}", taken
        walk = self._walk(path)
        if walk.is_branch:
            return walk.path, state
        if isinstance(walk.old, list) and "at" in state:
            return walk.path, self._in_list(walk, state)
        if isinstance(walk.old, dict) and "at" not in state:
            return walk.path, self._in_task(walk, state)
        return walk.path, state

    def _in_list(self, walk: "_Walk", state: State) -> State:
        """Say at which task of a list a run is."""
        at = state["at"]
        if at >= len(walk.old):
            return {**state, "at": len(walk.new)}
        return {**state, "at": walk.place_of(_name(walk.old[at]))}

    def _in_task(self, walk: "_Walk", state: State) -> State:
        """Take over what a task in its middle remembers."""
        if "extended" in state and _used(self.old, "extensions") != _used(self.new, "extensions"):
            raise self.refusal(f"the extensions around '{walk.told}' are others")
        kind, other = kind_of(walk.old), kind_of(walk.new)
        if kind != other:
            raise self.refusal(f"'{walk.told}' is '{other}' and was '{kind}'")
        if kind == "fork":
            return self._in_fork(walk, state)
        if kind == "for" and "items" in state:
            self._require_same_loop(walk)
        # Only that it began, and its input, tells nothing of what it does.
        remembers = state.keys() - {"since", "input", "timeout"}
        is_function = kind.startswith("call ") and kind[5:] in _used(self.old, "functions")
        if kind not in _OPEN and not is_function and remembers and walk.old != walk.new:
            raise self.refusal(f"'{walk.told}', in whose middle the instance is, was changed")
        return state

    def _require_same_loop(self, walk: "_Walk") -> None:
        """Make sure that the turns that were counted are turns of the new version's loop, too.

        Raises:
            CannotMoveError: When it goes through another list, or by another rule or other names.
        """
        old, new = _loop(walk.old), _loop(walk.new)
        changed = [part for part in old if old[part] != new[part]]
        if changed:
            raise self.refusal(
                f"the loop '{walk.told}', in whose middle the instance is, was changed "
                f"({', '.join(changed)}), and its turns so far are those of the old one. Rerun "
                f"from '{walk.source}' to begin the loop anew"
            )

    def _in_fork(self, walk: "_Walk", state: State) -> State:
        old, new = walk.old["fork"]["branches"], walk.new["fork"]["branches"]
        numbers = {_name(item): str(number) for number, item in enumerate(new)}
        taken = {**state}
        for part in ("done", "faults"):
            ended: Mapping[str, Any] = state.get(part, {})
            names = {_name(old[int(number)]): value for number, value in ended.items()}
            if missing := [name for name in names if name not in numbers]:
                raise self.missing(missing[0], f"{walk.told}/fork/branches", list(numbers))
            if part in state:
                taken[part] = {numbers[name]: value for name, value in names.items()}
        if "failed_at" in state:
            taken["failed_at"] = {
                numbers[_name(old[int(number)])]: self.path(at) if at and self.has(at) else None
                for number, at in state["failed_at"].items()
            }
        return taken

    def _undoable(self, done: State) -> State:
        walk = self._walk(done["execution"])
        task: Any = walk.new
        metadata = task.get("metadata", {}) if isinstance(task, dict) else {}
        if "compensate" not in metadata.get("millwright", {}):
            raise self.refusal(
                f"'{walk.told}' was done and would have to be undone if the instance failed, and "
                "the version does not say how ('metadata.millwright.compensate')"
            )
        return {**done, "task": self._walk(done["task"]).path, "execution": walk.path}

    def refusal(self, why: str) -> CannotMoveError:
        """Make the error."""
        return CannotMoveError(
            f"The instance cannot go on with version {self.name}: {why}. Go on with the version it "
            "had, or start a new instance."
        )

    def missing(self, name: str, where: str, known: Iterable[str]) -> CannotMoveError:
        """Make the error for a task that is not there."""
        names = list(known)
        listed = ", ".join(names[:_SHOWN]) or "none"
        hint = did_you_mean(name, names)
        return self.refusal(f"there is no task '{name}' in {where}, which has: {listed}{hint}")


@dataclass
class _Walk:
    """The way down to a place, in both versions at the same time.

    Attributes:
        old: What is there in the old version; the task, or the list of tasks.
        new: What is there in the new one.
        path: The place in the new version.
        told: The place for people, without numbers.
        is_branch: It is one branch of a fork, a list of one task.
    """

    versions: Versions
    source: str
    old: Any = field(init=False)
    new: Any = field(init=False)
    path: str = ""
    told: str = ""
    is_branch: bool = False

    def __post_init__(self) -> None:
        self.old, self.new = self.versions.old, self.versions.new

    def run(self) -> None:
        """Go all the way."""
        tokens = self.source.split("/")[1:]
        while tokens:
            taken = self._task(tokens) if isinstance(self.old, list) else self._member(tokens)
            tokens = tokens[taken:]

    def place_of(self, name: str) -> int:
        """Return where a task is in the list of the new version."""
        names = [_name(item) for item in self.new]
        if name not in names:
            raise self.versions.missing(name, self.told or "do", names)
        return names.index(name)

    def _task(self, tokens: list[str]) -> int:
        """Take the number and the name of a task; only the number for the place of a branch."""
        index = int(tokens[0]) if tokens[0].isdigit() else -1
        if not 0 <= index < len(self.old):
            raise self._unknown()
        name = _name(self.old[index])
        there = self.place_of(name)
        self.path += f"/{there}"
        if len(tokens) == 1:
            self.is_branch = True
            return 1
        self._take(tokens[1], pointer_token(name))
        self.old, self.new = self.old[index][name], self.new[there][name]
        return 2

    def _member(self, tokens: list[str]) -> int:
        """Take the name of a member of a task, or of the function that it calls."""
        called = self.old.get("call") if isinstance(self.old, dict) else None
        if isinstance(called, str) and tokens[0].startswith(pointer_token(called)):
            self._function(called, tokens[0])
            return 1
        name = tokens[0].replace("~1", "/").replace("~0", "~")
        if not isinstance(self.old, dict) or name not in self.old:
            raise self._unknown()
        if not isinstance(self.new, dict) or name not in self.new:
            raise self.versions.refusal(f"'{self.told}' has no '{name}'")
        self._take(tokens[0], tokens[0])
        self.old, self.new = self.old[name], self.new[name]
        return 1

    def _function(self, called: str, token: str) -> None:
        functions = _used(self.versions.new, "functions")
        if self.new.get("call") != called or called not in functions:
            raise self.versions.refusal(f"'{self.told}' does not call the function '{called}'")
        self._take(token, pointer_token(called))
        self.old = _used(self.versions.old, "functions")[called]
        self.new = functions[called]

    def _take(self, token: str, name: str) -> None:
        """Go on by a token, which is a name and perhaps says which execution it is."""
        if not token.startswith(name) or not _MARKS.fullmatch(token[len(name) :]):
            raise self._unknown()
        self.path += f"/{token}"
        self.told += f"/{name}" if self.told else name

    def _unknown(self) -> CannotMoveError:
        return self.versions.refusal(
            f"it is in the middle of something that is not carried over ({self.source})"
        )


def _loop(task: Any) -> dict[str, bytes]:
    """Spell what makes a loop the one it is; what is left out as what it means."""
    header = ForSpec.model_validate(task["for"])
    parts: dict[str, Any] = {
        "for.in": _expression(header.in_),
        "for.each": header.each,
        "for.at": header.at,
        "while": _expression(task.get("while")),
    }
    # Not as values: true is 1 for them.
    return {name: canonical(part) for name, part in parts.items()}


def _expression(written: Any) -> Any:
    """Spell an expression in one way, with or without `${ }`."""
    if not isinstance(written, str):
        return written
    found = expression_in(written)
    return written.strip() if found is None else found


def _name(item: Any) -> str:
    """Name an item of a list of tasks."""
    (name,) = item
    return str(name)


def _used(document: JsonObject, section: str) -> Any:
    use = document.get("use")
    return use.get(section, {}) if isinstance(use, dict) else {}
