"""Builds the value of a document node by node, iteratively, within bounds.

Both readers (YAML events, JSON text) feed it; so limits and duplicate keys are judged in one place.
What is wrong with one node only is noted and building goes on, so that an author sees all of it.
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from foundation.json import JsonValue
from workflows.definition.findings import (
    MAX_FINDINGS,
    Code,
    Finding,
    InvalidDefinitionError,
    Path,
    finding,
    shown,
    to_pointer,
)

MAX_DEPTH: Final = 64
MAX_KEY_CHARS: Final = 1024
# Characters and nodes of the whole value once its aliases are written out.
MAX_EXPANDED: Final = 1024 * 1024
# PostgreSQL takes neither, and half a surrogate pair is not text.
_NOT_STORABLE: Final = re.compile("[\x00\ud800-\udfff]")


class Spot(NamedTuple):
    """A place in the text; the first line and column are 1."""

    line: int
    column: int


_START: Final = Spot(1, 1)


class Marks:
    """Where a value and everything in it stand. A member of a mapping stands where its key does."""

    __slots__ = ("children", "spot")

    def __init__(self, spot: Spot, children: "Children") -> None:
        self.spot = spot
        self.children = children

    def locate(self, path: Path) -> Spot:
        """Find the place of a path; of the nearest value around it when it is not there."""
        marks = self
        for token in path:
            child: Marks | None = None
            if isinstance(marks.children, dict):
                child = marks.children.get(str(token))
            elif (
                marks.children is not None
                and isinstance(token, int)
                and token < len(marks.children)
            ):
                child = marks.children[token]
            if child is None:
                break
            marks = child
        return marks.spot


Children = dict[str, Marks] | list[Marks] | None


class Built(NamedTuple):
    """A finished node, as an alias repeats it."""

    value: JsonValue
    children: Children
    weight: int
    height: int


@dataclass(slots=True)
class _Frame:
    """A container that is still open."""

    value: dict[str, JsonValue] | list[JsonValue]
    children: dict[str, Marks] | list[Marks]
    spot: Spot
    key: str | None = None
    key_spot: Spot | None = None
    weight: int = 1
    height: int = 1


@dataclass(slots=True)
class TreeBuilder:
    """Takes nodes in document order; `root` is there when the last container is closed.

    Attributes:
        findings: What is wrong with single nodes.
    """

    findings: list[Finding] = field(default_factory=list)
    root: Built | None = None
    root_spot: Spot = _START
    _frames: list[_Frame] = field(default_factory=list)
    _expanded: int = 0

    @property
    def expects_key(self) -> bool:
        """True when the next node is the key of a mapping."""
        if not self._frames:
            return False
        frame = self._frames[-1]
        return isinstance(frame.value, dict) and frame.key is None

    def open_mapping(self, spot: Spot) -> None:
        """Begin a mapping."""
        self._open(_Frame({}, {}, spot))

    def open_sequence(self, spot: Spot) -> None:
        """Begin a sequence."""
        self._open(_Frame([], [], spot))

    def _open(self, frame: _Frame) -> None:
        if len(self._frames) >= MAX_DEPTH:
            raise self.refused(
                Code.TOO_DEEP,
                frame.spot,
                f"The document nests deeper than {MAX_DEPTH} levels. Make it flatter.",
            )
        self._frames.append(frame)

    def key(self, text: str, spot: Spot) -> None:
        """Name the next member of the open mapping."""
        frame = self._frames[-1]
        if len(text) > MAX_KEY_CHARS:
            raise self.refused(
                Code.KEY,
                spot,
                f"A key has {len(text):,} characters; {MAX_KEY_CHARS:,} are allowed.",
            )
        frame.key, frame.key_spot = self._storable(text, spot), spot
        if frame.key in frame.value:
            self.note(
                Code.DUPLICATE_KEY,
                spot,
                f"The key {shown(text)} is here twice. Remove or rename one.",
            )

    def scalar(self, value: JsonValue, spot: Spot) -> Built:
        """Add a value without parts."""
        if isinstance(value, str):
            value = self._storable(value, spot)
        weight = 1 + (len(value) if isinstance(value, str) else 0)
        return self._place(Built(value, None, weight, 0), spot)

    def close(self) -> Built:
        """End the innermost open container."""
        frame = self._frames.pop()
        self._expanded -= frame.weight - 1
        built = Built(frame.value, frame.children, frame.weight, frame.height)
        return self._place(built, frame.spot)

    def repeat(self, built: Built, spot: Spot) -> None:
        """Add a finished node once more, without copying it."""
        if len(self._frames) + built.height > MAX_DEPTH:
            raise self.refused(
                Code.TOO_DEEP,
                spot,
                f"With this alias the document nests deeper than {MAX_DEPTH} levels.",
            )
        self._place(built, spot)

    def _place(self, built: Built, spot: Spot) -> Built:
        self._expanded += built.weight
        if self._expanded > MAX_EXPANDED:
            raise self.refused(
                Code.TOO_LARGE,
                spot,
                f"With its aliases written out the document has more than {MAX_EXPANDED:,} "
                "characters.",
            )
        if not self._frames:
            self.root, self.root_spot = built, spot
            return built
        frame = self._frames[-1]
        frame.weight += built.weight
        frame.height = max(frame.height, built.height + 1)
        if isinstance(frame.value, list) and isinstance(frame.children, list):
            frame.value.append(built.value)
            frame.children.append(Marks(spot, built.children))
        elif isinstance(frame.value, dict) and isinstance(frame.children, dict):
            self._place_member(frame, frame.value, frame.children, built)
        return built

    def _place_member(
        self,
        frame: _Frame,
        value: dict[str, JsonValue],
        children: dict[str, Marks],
        built: Built,
    ) -> None:
        key, key_spot = frame.key, frame.key_spot
        if key is None or key_spot is None:
            raise AssertionError("A reader gave a value without a key.")
        if key not in value:
            value[key] = built.value
            children[key] = Marks(key_spot, built.children)
        frame.key = None

    def note(self, code: Code, spot: Spot, message: str) -> None:
        """Remember what is wrong with one node."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding(code, to_pointer(self._path()), *spot, message))

    def refused(self, code: Code, spot: Spot, message: str) -> InvalidDefinitionError:
        """Make the error that ends reading; what was noted before goes with it."""
        last = finding(code, to_pointer(self._path()), *spot, message)
        return InvalidDefinitionError([*self.findings, last])

    def _path(self) -> Path:
        path: list[str | int] = []
        for frame in self._frames:
            if isinstance(frame.value, list):
                path.append(len(frame.value))
            elif frame.key is not None:
                path.append(frame.key)
        return tuple(path)

    def _storable(self, text: str, spot: Spot) -> str:
        if not _NOT_STORABLE.search(text):
            return text
        self.note(
            Code.CONTROL_CHARACTER,
            spot,
            "A text contains the character U+0000 or half of a surrogate pair, which cannot be "
            "stored. Remove it.",
        )
        return _NOT_STORABLE.sub("", text)
