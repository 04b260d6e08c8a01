"""Tools that calls are compared with when a definition is checked; not where they are kept."""

from collections.abc import Callable
from typing import TypeAlias

from foundation.json import JsonObject


class OtherToolError(ValueError):
    """The tool is not the one that the definition pins; the message says what to do."""


# Server, tool and the fingerprint that is pinned, if one is -> what the tool takes.
# None: there is no such tool yet. Raises OtherToolError.
Tools: TypeAlias = Callable[[str, str, str | None], JsonObject | None]
