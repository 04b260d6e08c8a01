"""Names of a run: one for callers, one in Temporal.

Callers say `press-line.defect-watch.<key>`; Temporal has `<tenant>/press-line/defect-watch/<key>`.
The tenant is never part of what a caller says, so nobody can ask for another's run.
"""

import re
import secrets
import time
from dataclasses import dataclass
from typing import Final

from foundation.errors import InvalidInputError
from workflows.definition.models.names import NAME_PATTERN

# What the language allows for namespaces and names; no dots, so ids can be taken apart again.
LABEL: Final = NAME_PATTERN
# What a caller may choose as Idempotency-Key.
KEY: Final = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"
# Temporal appends the time to the workflow ids of a schedule (`-2026-11-22T10:00:00Z`), so the key
# of a scheduled run may hold colons; a caller's key may not, and the two never meet.
_ANY_KEY: Final = r"[A-Za-z0-9_-][A-Za-z0-9._:-]{0,255}"

_OUTSIDE: Final = re.compile(rf"({LABEL})\.({LABEL})\.({_ANY_KEY})")
_INSIDE: Final = re.compile(rf"([^/]+)/({LABEL})/({LABEL})/({_ANY_KEY})")
_KEY: Final = re.compile(KEY)


@dataclass(frozen=True, slots=True)
class RunName:
    """One run of one definition, whoever's it is."""

    namespace: str
    name: str
    key: str

    @property
    def instance_id(self) -> str:
        """The id that REST and the client use."""
        return f"{self.namespace}.{self.name}.{self.key}"

    @property
    def workflow_type(self) -> str:
        """What the Temporal Web UI shows as type."""
        return f"{self.namespace}.{self.name}"

    def workflow_id(self, tenant_id: str) -> str:
        """Return the id in Temporal."""
        return f"{tenant_id}/{self.namespace}/{self.name}/{self.key}"


def trigger_id(tenant_id: str, namespace: str, name: str, kind: str) -> str:
    """Return the id in Temporal of what starts a definition by itself.

    It is nobody's instance: its last part begins as no key does.
    """
    return f"{tenant_id}/{namespace}/{name}/.{kind}"


def is_trigger(workflow_id: str) -> bool:
    """Tell whether a run starts instances and is none itself."""
    return workflow_id.rpartition("/")[2].startswith(".")


def of_instance_id(text: str) -> RunName | None:
    """Read an id as callers write it; None when it cannot be one."""
    match = _OUTSIDE.fullmatch(text)
    return RunName(*match.groups()) if match else None


def of_workflow_id(text: str) -> tuple[str, RunName] | None:
    """Read an id as Temporal has it; None when the run is not one of ours."""
    match = _INSIDE.fullmatch(text)
    return (match[1], RunName(match[2], match[3], match[4])) if match else None


def checked_key(key: str) -> str:
    """Accept a caller's key.

    Raises:
        InvalidInputError: When it has other characters than a key may have, or too many.
    """
    if not _KEY.fullmatch(key):
        raise InvalidInputError(
            f"The idempotency key {key[:40]!r} is not allowed: use 1 to 128 letters, digits, "
            "'.', '_' and '-', not beginning with '.'."
        )
    return key


def new_key() -> str:
    """Return a key that sorts by the time it was made: 48 bits of milliseconds, 80 random bits."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
