"""The ledger of one process: what many calls want to write down at once is one transaction."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Final, TypeAlias

import structlog
from cryptography.hazmat.primitives import hashes, hmac

from foundation.batching import Batcher
from foundation.database import Database
from foundation.json import JsonObject, canonical
from security.sealing import SealBrokenError, Sealer
from toolhub.ledger.models import LedgerEntry
from toolhub.ledger.repository import Key, LedgerRows
from toolhub.ledger.types import (
    Call,
    Claim,
    Known,
    Lost,
    OtherArguments,
    Settled,
    State,
    UnderWay,
)
from toolhub.metrics import Metrics

# An answer that is larger is not kept: a repeated attempt is told only that the tool ran.
MAX_KEPT_BYTES: Final = 256 * 1024
# Beyond the timeout of a call: for writing down what came of it.
_SLACK: Final = timedelta(seconds=30)
_PURPOSE: Final = "mcp-ledger"

Answer: TypeAlias = Claim | Known | UnderWay | Lost | OtherArguments
_Piece: TypeAlias = Claim | Settled

# As metrics call them.
_ANSWERS: Final[dict[type[Answer], str]] = {
    Claim: "sent",
    Known: "known",
    UnderWay: "under-way",
    Lost: "lost",
    OtherArguments: "other-arguments",
}

log = structlog.get_logger(__name__)


class Ledger:
    """Gives each call the right to be sent once."""

    def __init__(self, database: Database, sealer: Sealer, metrics: Metrics | None = None) -> None:
        self._metrics = metrics or Metrics()
        self._database = database
        self._sealer = sealer
        self._hash_key = sealer.derive(_PURPOSE)
        self._batcher: Batcher[_Piece, Answer | None] = Batcher(self._work)
        # Claims that may be written down though nothing was sent, while the database was away.
        self._owed: list[Settled] = []

    async def claim(self, call: Call) -> Answer:
        """Write down that a call is sent now; send it only with the claim that is returned.

        Raises:
            UnavailableError: When the database is away: it must not be sent.
        """
        self._pay()
        claim = Claim(call, token_hex(16))
        asked = self._batcher.put(claim)
        try:
            answer = await asyncio.shield(asked)
        except asyncio.CancelledError:
            # It may be written down, and is not sent.
            asked.add_done_callback(lambda future: self._unused(claim, future))
            raise
        except Exception:
            self._owed.append(Settled(claim, None))
            raise
        assert answer is not None  # noqa: S101 - claims are answered
        self._metrics.claimed(_ANSWERS[type(answer)])
        return answer

    async def release(self, claim: Claim) -> None:
        """Take it back: it is certain that the call did not run."""
        settled = Settled(claim, None)
        self._metrics.settled("released")
        try:
            await self._batcher.put(settled)
        except Exception as error:  # noqa: BLE001 - why the call did not run is what matters now
            log.warning("mcp_ledger_not_written", why=str(error))
            self._owed.append(settled)

    def done(self, claim: Claim, state: State, answer: JsonObject | None) -> None:
        """Write down what came of a call, soon: until then its outcome counts as not known."""
        self._metrics.settled(state)
        self._batcher.put(Settled(claim, state, answer)).add_done_callback(_told)

    async def came_to(
        self, tenant_id: str, key: str, was: JsonObject, state: State, answer: JsonObject | None
    ) -> None:
        """Write down what a call came to that was answered with a task, or with a question.

        Whoever asks from now on gets that. What is not about this task or question stays.

        Args:
            was: Members of that first answer, by which it is known.

        Raises:
            UnavailableError: When the database is away.
        """
        await asyncio.to_thread(self._came_to, (tenant_id, key), was, state, answer)

    async def knows(self, tenant_id: str, key: str) -> bool:
        """Tell whether anything is written down of a call: it may have run then.

        Raises:
            UnavailableError: When the database is away.
        """
        return await asyncio.to_thread(self._knows, (tenant_id, key))

    async def drain(self) -> None:
        """Wait until everything is written down, as far as the database is there."""
        await self._batcher.drain()
        await asyncio.sleep(0)  # what was claimed for nobody is noticed now
        self._pay()
        await self._batcher.drain()

    def forget_old(self, kept: timedelta, limit: int = 1000) -> int:
        """Forget old calls, in a thread; return how many."""
        with self._database.session() as session:
            return LedgerRows(session).forget_old(kept, limit)

    def _unused(self, claim: Claim, asked: "asyncio.Future[Answer | None]") -> None:
        if not asked.cancelled():
            asked.exception()  # nobody else looks at it
        self._owed.append(Settled(claim, None))
        self._pay()

    def _pay(self) -> None:
        """Take unused claims back; what does not succeed is tried with the next call."""
        owed, self._owed = self._owed, []
        for each in owed:

            def told(future: "asyncio.Future[Answer | None]", settled: Settled = each) -> None:
                if future.cancelled() or future.exception() is not None:
                    self._owed.append(settled)

            self._batcher.put(each).add_done_callback(told)

    # --- In a thread -----------------------------------------------------------------------------

    def _work(self, pieces: Sequence[_Piece]) -> list[Answer | None]:
        settled = [each for each in pieces if isinstance(each, Settled)]
        # One of each key: a statement cannot meet the same row twice.
        claims: dict[Key, Claim] = {}
        for each in pieces:
            if isinstance(each, Claim):
                claims.setdefault(_key(each), each)
        with self._database.session() as session:
            rows = LedgerRows(session)
            self._settle(rows, sorted(settled, key=lambda each: _key(each.claim)))
            if not claims:
                return [None] * len(pieces)
            now = rows.now()
            # In one order, so that two processes cannot wait for each other.
            given = rows.claim([self._row(claims[key], now) for key in sorted(claims)])
            refused = [
                _key(each) for each in pieces if isinstance(each, Claim) and each.token not in given
            ]
            there = rows.read(refused) if refused else {}
            return [
                self._answer(each, given, there, now) if isinstance(each, Claim) else None
                for each in pieces
            ]

    def _settle(self, rows: LedgerRows, settled: Sequence[Settled]) -> None:
        unsent = [(*_key(each.claim), each.claim.token) for each in settled if each.state is None]
        if unsent:
            rows.forget(unsent)
        known = [
            {
                "t": each.claim.call.tenant_id,
                "k": each.claim.call.key,
                "c": each.claim.token,
                "s": each.state,
                "a": self._sealed(each),
            }
            for each in settled
            if each.state is not None
        ]
        if known:
            rows.settle(known)

    def _answer(
        self, claim: Claim, given: set[str], there: dict[Key, LedgerEntry], now: datetime
    ) -> Answer:
        if claim.token in given:
            return claim
        entry = there.get(_key(claim))
        if entry is None:  # forgotten between two statements
            return UnderWay(1.0)
        if entry.arguments != self._hash(claim.call):
            return OtherArguments()
        is_same = entry.call_id == claim.call.call_id
        if entry.state == State.DONE or (entry.state == State.FAILED and is_same):
            return Known(self._opened(entry))
        if is_same or entry.answered_by <= now:
            return Lost()
        return UnderWay((entry.answered_by - now).total_seconds())

    def _knows(self, key: Key) -> bool:
        with self._database.session() as session:
            return key in LedgerRows(session).read([key])

    def _came_to(self, key: Key, was: JsonObject, state: State, answer: JsonObject | None) -> None:
        with self._database.session() as session:
            rows = LedgerRows(session)
            entry = rows.read([key]).get(key)
            known = None if entry is None else self._opened(entry)
            if entry is None or known is None:
                return
            if any(known.get(name) != value for name, value in was.items()):
                return
            settled = {"t": key[0], "k": key[1], "c": entry.claim, "s": state}
            rows.settle([settled | {"a": self._seal(*key, answer, entry.tool)}])

    def _row(self, claim: Claim, now: datetime) -> dict[str, Any]:
        call = claim.call
        return {
            "tenant_id": call.tenant_id,
            "key": call.key,
            "call_id": call.call_id,
            "claim": claim.token,
            "server": call.server,
            "tool": call.tool,
            "arguments": self._hash(call),
            "state": State.SENT,
            "sent_at": now,
            "answered_by": now + timedelta(seconds=call.timeout_s) + _SLACK,
        }

    def _hash(self, call: Call) -> str:
        """With a key of ours: short arguments could be guessed from a plain hash."""
        mac = hmac.HMAC(self._hash_key, hashes.SHA256())
        mac.update(canonical([call.server_id, call.tool, call.arguments]))
        return mac.finalize().hex()

    def _sealed(self, settled: Settled) -> str | None:
        call = settled.claim.call
        return self._seal(call.tenant_id, call.key, settled.answer, call.tool)

    def _seal(self, tenant_id: str, key: str, answer: JsonObject | None, tool: str) -> str | None:
        if answer is None:
            return None
        plain = json.dumps(answer).encode()
        if len(plain) > MAX_KEPT_BYTES:
            log.info("mcp_answer_not_kept", tool=tool, bytes=len(plain))
            return None
        return self._sealer.seal(tenant_id, _PURPOSE, key, plain)

    def _opened(self, entry: LedgerEntry) -> JsonObject | None:
        if entry.answer is None:
            return None
        try:
            plain = self._sealer.open(entry.tenant_id, _PURPOSE, entry.key, entry.answer)
        except SealBrokenError as error:  # another master key since
            log.warning("mcp_answer_not_opened", server=entry.server, why=str(error))
            return None
        answer: JsonObject = json.loads(plain)
        return answer


def _key(claim: Claim) -> Key:
    return claim.call.tenant_id, claim.call.key


def _told(future: "asyncio.Future[Answer | None]") -> None:
    """What is not written down counts as not known, which is safe."""
    if not future.cancelled() and (error := future.exception()) is not None:
        log.warning("mcp_ledger_not_written", why=str(error))
