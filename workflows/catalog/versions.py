"""Semantic versions as text that a database sorts in their order of precedence (semver 2.0.0)."""

from typing import Final

# Below every character of a version, so that a shorter list of identifiers sorts first.
_SEPARATOR: Final = " "
# Above them: a release follows all its pre-releases.
_RELEASE: Final = "~"
_DIGITS: Final = 3


def precedence(version: str) -> str:
    """Return the sort key of a valid semantic version; build metadata does not count."""
    core, _, prerelease = version.partition("+")[0].partition("-")
    numbers = _SEPARATOR.join(_number(part) for part in core.split("."))
    if not prerelease:
        return f"{numbers}{_RELEASE}"
    identifiers = _SEPARATOR.join(_identifier(part) for part in prerelease.split("."))
    return f"{numbers}{_SEPARATOR}{identifiers}"


def is_prerelease(version: str) -> bool:
    """Tell whether a version is before its release."""
    return "-" in version.partition("+")[0]


def _number(digits: str) -> str:
    """Spell a number so that text sorts as numbers do: its length goes first."""
    return f"{len(digits):0{_DIGITS}d}{digits}"


def _identifier(text: str) -> str:
    # Numeric identifiers have lower precedence than the others.
    return f"0{_number(text)}" if text.isdigit() else f"1{text}"
