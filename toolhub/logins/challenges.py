"""What a server says in `WWW-Authenticate` (RFC 6750, RFC 9728), as far as it is known."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.request import parse_http_list

_PART: Final = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9-]*)(?:\s+|$))?"
    r"(?:(?P<name>[A-Za-z_][A-Za-z0-9_-]*)\s*=\s*(?P<value>.*))?",
    re.DOTALL,
)
_SCOPE: Final = re.compile(r"[!#-\[\]-~]{1,256}")
_ERROR: Final = re.compile(r"[a-z][a-z_]{1,49}")
# Of one token; nobody has so many.
MAX_SCOPES: Final = 50
INSUFFICIENT_SCOPE: Final = "insufficient_scope"


@dataclass(frozen=True)
class Challenge:
    """What the first challenge for a bearer token says.

    Attributes:
        error: Its code.
        scopes: What a token has to have; None when that is not said.
        resource_metadata: Where the server describes itself.
    """

    error: str | None = None
    scopes: tuple[str, ...] | None = None
    resource_metadata: str | None = None

    @property
    def lacks_scope(self) -> bool:
        """Whether the token was good and its scopes were not."""
        return self.error == INSUFFICIENT_SCOPE


def challenge_of(header: str | None) -> Challenge:
    """Read a header; what cannot be read says nothing."""
    fields = _bearer(header or "")
    error, scope = fields.get("error", ""), fields.get("scope")
    return Challenge(
        error if _ERROR.fullmatch(error) else None,
        None if scope is None else scopes_of(scope),
        fields.get("resource_metadata"),
    )


def scopes_of(text: str) -> tuple[str, ...]:
    """Read scopes, divided by spaces, each once."""
    found = dict.fromkeys(each for each in text.split() if _SCOPE.fullmatch(each))
    return tuple(found)[:MAX_SCOPES]


def _bearer(header: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    within = False
    for part in parse_http_list(header):
        found = _PART.fullmatch(part)
        if found is None:
            continue
        if found["scheme"]:
            if fields:
                break
            within = found["scheme"].lower() == "bearer"
        if within and found["name"]:
            fields.setdefault(found["name"].lower(), found["value"].strip('"'))
    return fields
