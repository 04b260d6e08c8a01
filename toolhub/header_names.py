"""Names of headers that somebody else than the protocol may set."""

import re
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field

_OURS: Final = re.compile(
    r"(?i)host|connection|keep-alive|te|trailer|upgrade|expect|accept(-.*)?|content-.*"
    r"|transfer-encoding|last-event-id|mcp-.*|proxy-.*"
)


def _not_ours(name: str) -> str:
    if _OURS.fullmatch(name):
        raise ValueError(f"the header '{name}' is set by the protocol")
    return name


HeaderName: TypeAlias = Annotated[
    str,
    Field(max_length=128, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"),
    AfterValidator(_not_ours),
]
