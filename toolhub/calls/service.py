"""Looking at the log of calls. Sync; call it from a thread."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from foundation.database import Database
from foundation.errors import InvalidInputError
from foundation.pages import NamePage, page_of
from toolhub.calls.models import McpCallLog
from toolhub.calls.repository import Position, page, purge
from toolhub.calls.schemas import CallFilter, CallInfo, CallPage, CallStatus

_PURGED: Final = 1_000


class Calls:
    """The calls that a tenant's tools have had."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self,
        tenant_id: str,
        wanted: CallFilter,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> CallPage:
        """Return calls, the newest first.

        Raises:
            InvalidInputError: The page token is none of this list.
        """
        asked = NamePage.of(page_size, page_token, parts=2)
        before = _position(asked.after)
        with self._database.session() as session:
            rows = page(session, tenant_id, wanted, before=before, limit=asked.limit + 1)
        shown, token = page_of(
            rows,
            asked,
            lambda found: (found[0].started_at.astimezone(UTC).isoformat(), found[0].id.hex),
        )
        return CallPage(items=[_info(row, lost=late) for row, late in shown], next_page_token=token)

    def purge(self, kept: timedelta) -> int:
        """Forget some of what is older than that, of all tenants; return how many calls."""
        with self._database.session() as session:
            return purge(session, kept, _PURGED)


def _position(after: tuple[str, ...]) -> Position | None:
    if not any(after):
        return None
    try:
        return datetime.fromisoformat(after[0]).astimezone(UTC), UUID(hex=after[1])
    except (ValueError, OverflowError):
        raise InvalidInputError(
            "The page_token is none that this list gave. Begin again."
        ) from None


def _info(row: McpCallLog, *, lost: bool) -> CallInfo:
    made = {"status", "degraded"}
    seen = {name: getattr(row, name) for name in CallInfo.model_fields if name not in made}
    status = CallStatus.LOST if lost else CallStatus(row.status)
    return CallInfo(**seen, status=status, degraded=row.fallback is not None)
