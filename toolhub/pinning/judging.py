"""Which changes of a catalogue are taken over, and which wait until a person has looked at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from toolhub.pinning.drift import Change, Drift, changes, gravest, suspicions
from toolhub.pinning.hashing import Described

GRAVE: Final = frozenset({Drift.BREAKING, Drift.SUSPICIOUS})


class Policy(StrEnum):
    """How a server's changes are met."""

    STANDARD = "standard"  # what is breaking or suspicious waits
    STRICT = "strict"  # every change waits, new tools too


class Known(Described, Protocol):
    """A tool with its fingerprint, and why it cannot be called, if so."""

    @property
    def sha256(self) -> str: ...
    @property
    def problem(self) -> str | None: ...


@dataclass(frozen=True)
class Verdict:
    """What a change is.

    Attributes:
        drift: None when there is nothing to compare with and nothing to wait for.
        waits: It is not taken over before somebody accepts it.
    """

    drift: Drift | None
    changes: Sequence[Change]
    waits: bool


_TRUSTED: Final = Verdict(None, (), waits=False)


def judge(tool: Known, before: Known | None, policy: Policy, *, first: bool) -> Verdict | None:
    """Judge what a server says of one tool now.

    Args:
        tool: As the server describes it now.
        before: As it was last accepted; None when it never was.
        policy: How changes of this server are met.
        first: The server is asked for the first time; then it is trusted.

    Returns:
        None when nothing has changed.
    """
    if before is None:
        return _TRUSTED if first else _new(tool, policy)
    if before.sha256 == tool.sha256:
        return None
    found = changes(before, tool)
    drift = _drift(tool, before, found)
    return Verdict(drift, found, waits=drift in GRAVE or policy is Policy.STRICT)


def _new(tool: Known, policy: Policy) -> Verdict:
    found = suspicions(tool)
    if found:
        return Verdict(Drift.SUSPICIOUS, found, waits=True)
    if policy is Policy.STRICT:
        new = Change(
            drift=Drift.ADDITIVE, pointer="", before=None, after=None, why="It was not there."
        )
        return Verdict(Drift.ADDITIVE, [new], waits=True)
    return _TRUSTED


def _drift(tool: Known, before: Known, found: list[Change]) -> Drift:
    drift = gravest(found)
    if drift is Drift.SUSPICIOUS:
        return drift
    if tool.problem is not None and before.problem is None:
        return Drift.BREAKING
    if before.problem is not None:
        return Drift.ADDITIVE  # it could not be called, so nothing can break
    return drift
