"""What fits into the one search attribute of Temporal that all tags of an instance share.

Temporal terminates a run, for good, whose attribute takes more; so this is looked at before.
"""

import json
from collections.abc import Iterable
from typing import Final

MAX_TAG_ENTRY_BYTES: Final = 255
MAX_TAGS_BYTES: Final = 2_000
# Temporal's, for the attribute as it is sent: JSON in ASCII, six bytes for most letters of others.
MAX_SENT_BYTES: Final = 2_048


def tag_entry(name: str, value: str | float) -> str:
    """Return how a tag stands in the attribute."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{name}={text}"


def tags_too_large(entries: Iterable[str]) -> str | None:
    """Say why these cannot be kept together, or None."""
    found = list(entries)
    if sum(len(entry.encode()) for entry in found) > MAX_TAGS_BYTES:
        return f"All of them together have more than {MAX_TAGS_BYTES:,} bytes."
    if len(json.dumps(found, separators=(",", ":"))) > MAX_SENT_BYTES:
        return (
            f"All of them together take more than the {MAX_SENT_BYTES:,} bytes that Temporal has "
            "for them. A letter that is not ASCII counts six times there: keep fewer of them."
        )
    return None
