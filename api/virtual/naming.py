"""What a tool is called at `/mcp`: `excel__read_range`, and a workflow `press-line_defect-watch`.

Names of servers, namespaces and workflows have no `_`, so the first ones tell the two kinds apart,
and where a name is cut. Letters, digits, `_` and `-` are what makers of models accept; the protocol
allows dots too.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from workflows.runs.names import LABEL

LONGEST: Final = 128
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]+")
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9_.-]")
_TOOL: Final = re.compile(r"([a-z0-9-]{1,63})__(.+)")
_WORKFLOW: Final = re.compile(rf"({LABEL})_({LABEL})")


@dataclass(frozen=True)
class ToolRef:
    """A tool of a registered server.

    Attributes:
        tool: Its name there, or what stands for one that the protocol does not allow.
    """

    server: str
    tool: str


@dataclass(frozen=True)
class WorkflowRef:
    """A published workflow."""

    namespace: str
    name: str


def tool_name(server: str, tool: str) -> str:
    """Return what a tool of a server is called here."""
    name = f"{server}__{tool}"
    if _PLAIN.fullmatch(tool) and len(name) <= LONGEST:
        return name
    mark = f"-{sha256(tool.encode()).hexdigest()[:12]}"
    return _NOT_PLAIN.sub("-", name)[: LONGEST - len(mark)] + mark


def workflow_name(namespace: str, name: str) -> str:
    """Return what a workflow is called here."""
    return f"{namespace}_{name}"


def meant(name: str) -> ToolRef | WorkflowRef | None:
    """Tell what a name stands for; None when nothing is ever called so."""
    if len(name) > LONGEST:
        return None
    if found := _TOOL.fullmatch(name):
        return ToolRef(found[1], found[2])
    if found := _WORKFLOW.fullmatch(name):
        return WorkflowRef(found[1], found[2])
    return None
