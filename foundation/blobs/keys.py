"""The name of a blob: whose it is, the day it was put, and the SHA-256 of what is in it.

The day is part of the name, so a blob of an old day is never written again: what deletes old days
cannot meet somebody who is just storing the same bytes once more.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from typing_extensions import override

from foundation.errors import InvalidInputError

# Nothing here can climb out of a folder or be taken for the store's own files.
_TENANT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Key:
    """A blob's name.

    Raises:
        InvalidInputError: When it is none that we give.
    """

    tenant_id: str
    day: str
    digest: str

    def __post_init__(self) -> None:
        if not (
            _TENANT.fullmatch(self.tenant_id)
            and ".." not in self.tenant_id
            and _DAY.fullmatch(self.day)
            and _DIGEST.fullmatch(self.digest)
        ):
            raise InvalidInputError(f"'{self}' is not the name of a blob.")

    @classmethod
    def of(cls, tenant_id: str, data: bytes) -> "Key":
        """Name what is put today."""
        day = datetime.now(UTC).date().isoformat()
        return cls(tenant_id, day, hashlib.sha256(data).hexdigest())

    def fits(self, data: bytes) -> bool:
        """Tell whether these are the bytes that were put."""
        return hashlib.sha256(data).hexdigest() == self.digest

    @override
    def __str__(self) -> str:
        """Spell it as a path."""
        return f"{self.tenant_id}/{self.day}/{self.digest}"


def tenant_in(name: str) -> str | None:
    """Return the name as a tenant's, or None for what cannot be one."""
    return name if _TENANT.fullmatch(name) and ".." not in name else None


def day_in(name: str) -> date | None:
    """Return the day that a folder of a tenant is named after."""
    if not _DAY.fullmatch(name):
        return None
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None
