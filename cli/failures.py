"""What a command says when it fails in a way that somebody foresaw."""

from typing import Any

from pydantic import ValidationError

from foundation.errors import MillwrightError
from foundation.settings import Settings


class MisuseError(MillwrightError):
    """The command line itself is wrong: nothing was asked of anybody."""


def explained(error: Exception) -> str | None:
    """Put a failure into words for a person; None for one that nobody foresaw."""
    # Only here, because it imports httpx.
    from millwright_client import MillwrightApiError  # noqa: PLC0415
    from millwright_client import MillwrightError as ClientError  # noqa: PLC0415

    if isinstance(error, MillwrightError):
        return error.message
    if isinstance(error, MillwrightApiError):
        found = error.details.get("findings", [])
        # The detail has the first one.
        return "\n".join([error.detail, *map(_finding, found if len(found) > 1 else [])])
    if isinstance(error, ClientError):
        return str(error)
    if isinstance(error, ValidationError) and error.title == Settings.__name__:
        return "\n".join(_setting(list(map(str, e["loc"])), e["msg"]) for e in error.errors())
    return None


def _setting(location: list[str], message: str) -> str:
    return f"{'_'.join(['MILLWRIGHT', *location]).upper()} cannot be used: {message}."


def _finding(found: dict[str, Any]) -> str:
    place = f"{found['line']}:{found['column']}: " if found.get("line") else ""
    return f"  {place}{found['severity']} [{found['code']}] {found['message']}"
