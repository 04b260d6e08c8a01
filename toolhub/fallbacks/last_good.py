"""What tools answered last, sealed at rest: written beside the calls, which never wait for it."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from anyio import to_thread

from foundation.batching import Batcher
from foundation.database import Database
from foundation.json import JsonObject
from security.sealing import Sealer
from toolhub.directory import Entry
from toolhub.fallbacks.repository import Key, purge_many, purge_old, read, write
from toolhub.fallbacks.types import LastGoodFallback
from toolhub.schemas import CallTool

# As in the ledger: a larger answer is not kept.
MAX_KEPT_BYTES: Final = 256 * 1024
# The newest ones of each tool; arguments that hold a time would fill the table.
MAX_RESULTS: Final = 1_000
_PURGED: Final = 1_000
_PURPOSE: Final = "mcp-last-good"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Kept:
    key: Key
    answer: JsonObject


class LastGood:
    """The last good results of all tenants' tools."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._hash_key = sealer.derive(_PURPOSE)
        self._batcher: Batcher[_Kept, None] = Batcher(self._write)

    def keep(
        self, call: CallTool, entry: Entry, wanted: LastGoodFallback, answer: JsonObject
    ) -> None:
        """Keep an answer, soon.

        Args:
            answer: The result as it came, without what must not be told to others.
        """
        kept = _Kept(self._key(call, entry, wanted), answer)
        self._batcher.put(kept).add_done_callback(_told)

    async def find(
        self, call: CallTool, entry: Entry, wanted: LastGoodFallback
    ) -> tuple[JsonObject, datetime] | None:
        """Return the answer that was kept, and when it was had.

        Raises:
            UnavailableError: When the database is away.
            SealBrokenError: When it was sealed with another key.
        """
        key = self._key(call, entry, wanted)
        max_age = timedelta(seconds=wanted.max_age_s)
        return await to_thread.run_sync(self._read, key, max_age)

    async def drain(self) -> None:
        """Wait until everything is written down, as far as the database is there."""
        await self._batcher.drain()

    def purge(self) -> int:
        """Forget, in a thread, some of what is too old or too much; return how many results."""
        with self._database.session() as session:
            return purge_old(session, _PURGED) + purge_many(session, MAX_RESULTS, _PURGED)

    def _key(self, call: CallTool, entry: Entry, wanted: LastGoodFallback) -> Key:
        hashed = "" if wanted.any_arguments else self._hash(call)
        server_id = UUID(entry.guarded.server_id)
        return call.tenant_id, server_id, entry.tool, entry.sha256, hashed

    def _hash(self, call: CallTool) -> str:
        # Spelled as in the log of calls: nothing that a call may hold is refused here.
        spelled = json.dumps(call.arguments, sort_keys=True, separators=(",", ":"))
        return hmac.new(self._hash_key, spelled.encode(), hashlib.sha256).hexdigest()

    # --- In a thread -----------------------------------------------------------------------------

    def _write(self, pieces: Sequence[_Kept]) -> list[None]:
        # One of each key, the newest: a statement cannot meet the same row twice. In one order, so
        # that two processes cannot wait for each other.
        newest = {each.key: each.answer for each in pieces}
        rows = [
            {**_columns(key), "answer": sealed}
            for key in sorted(newest)
            if (sealed := self._sealed(key, newest[key])) is not None
        ]
        if rows:
            with self._database.session() as session:
                write(session, rows)
        return [None] * len(pieces)

    def _read(self, key: Key, max_age: timedelta) -> tuple[JsonObject, datetime] | None:
        with self._database.session() as session:
            found = read(session, key, max_age)
        if found is None:
            return None
        sealed, at = found
        plain = self._sealer.open(key[0], _PURPOSE, _record(key), sealed)
        answer: JsonObject = json.loads(plain)
        return answer, at

    def _sealed(self, key: Key, answer: JsonObject) -> str | None:
        plain = json.dumps(answer).encode()
        if len(plain) > MAX_KEPT_BYTES:
            log.info("mcp_last_result_not_kept", tenant=key[0], tool=key[2], bytes=len(plain))
            return None
        return self._sealer.seal(key[0], _PURPOSE, _record(key), plain)


def _columns(key: Key) -> dict[str, str | UUID]:
    names = ("tenant_id", "server_id", "name", "sha256", "arguments")
    return dict(zip(names, key, strict=True))


def _record(key: Key) -> str:
    return "/".join(map(str, key[1:]))


def _told(future: "asyncio.Future[None]") -> None:
    """The one before stays, as long as it is not too old."""
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("mcp_last_result_not_written", why=str(error))
