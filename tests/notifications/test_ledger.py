"""Claims on a real PostgreSQL, also when several workers want them at the same moment."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import func, select, text

from activities.notify.ledger import (
    AlreadySent,
    Claim,
    Granted,
    Suppressed,
    Undecided,
    Verdict,
)
from foundation.database import Database
from workflows.notifications import StoredLedger
from workflows.notifications.models import NotificationClaim

pytestmark = pytest.mark.anyio
HOUR = 3600.0
ONCE = Claim("alarm", "duplicate", 1, HOUR)
THRICE = Claim("line", "rate-limited", 3, HOUR)


class Worker:
    """One of several that share a database."""

    def __init__(self, database: Database, tenant: str = "press") -> None:
        self.ledger = StoredLedger(database)
        self.tenant = tenant

    async def take(self, holder: str, *claims: Claim, lease_s: float = 60) -> Verdict:
        return await self.ledger.take(self.tenant, holder, claims, lease_s)

    async def sent(self, holder: str, *claims: Claim) -> None:
        assert await self.take(holder, *claims) == Granted()
        await self.ledger.settle(self.tenant, holder, claims)

    async def failed(self, holder: str, *claims: Claim) -> None:
        await self.ledger.release(self.tenant, holder, claims)


@pytest.fixture
def worker(database: Database) -> Worker:
    return Worker(database)


def later(database: Database, seconds: float) -> None:
    """Let time pass for all claims."""
    with database.session() as session:
        session.execute(
            text("update notification_claims set expires_at = expires_at - :by * interval '1 s'"),
            {"by": seconds},
        )


def rows(database: Database) -> int:
    with database.session() as session:
        return session.scalar(select(func.count()).select_from(NotificationClaim)) or 0


async def test_what_was_sent_is_a_duplicate_until_its_window_is_over(
    worker: Worker, database: Database
) -> None:
    await worker.sent("first", ONCE)

    verdict = await worker.take("second", ONCE)
    assert isinstance(verdict, Suppressed)
    assert verdict.reason == "duplicate"
    assert abs(verdict.until - datetime.now(tz=UTC) - timedelta(hours=1)) < timedelta(minutes=5)

    later(database, HOUR)
    assert await worker.take("second", ONCE) == Granted()


async def test_what_failed_is_the_turn_of_the_next(worker: Worker) -> None:
    assert await worker.take("first", ONCE) == Granted()
    assert await worker.take("second", ONCE) == Undecided()

    await worker.failed("first", ONCE)

    assert await worker.take("second", ONCE) == Granted()


async def test_a_holder_gets_its_own_claim_again(worker: Worker) -> None:
    assert await worker.take("first", ONCE, THRICE) == Granted()
    assert await worker.take("first", ONCE, THRICE) == Granted()


async def test_a_holder_that_died_after_sending_is_told_so(worker: Worker) -> None:
    await worker.sent("first", ONCE, THRICE)
    assert await worker.take("first", ONCE, THRICE) == AlreadySent()


async def test_a_worker_that_dies_while_sending_does_not_silence_the_others(
    worker: Worker, database: Database
) -> None:
    await worker.take("dead", ONCE, lease_s=45)
    later(database, 45)
    assert await worker.take("second", ONCE) == Granted()


async def test_sending_longer_than_the_lease_still_counts(
    worker: Worker, database: Database
) -> None:
    await worker.take("slow", ONCE, lease_s=45)
    later(database, 45)
    await worker.take("hurried", THRICE)  # clears what has expired

    await worker.ledger.settle("press", "slow", [ONCE])

    assert isinstance(await worker.take("second", ONCE), Suppressed)


async def test_no_more_are_sent_than_there_are_permits(worker: Worker, database: Database) -> None:
    for number in range(3):
        await worker.sent(f"n{number}", THRICE)
        later(database, 60)

    verdict = await worker.take("one too many", THRICE)
    assert isinstance(verdict, Suppressed)
    assert verdict.reason == "rate-limited"
    left = verdict.until - datetime.now(tz=UTC)
    assert timedelta(minutes=52) < left <= timedelta(minutes=57), "when the oldest is over"

    later(database, HOUR - 180)
    assert await worker.take("one too many", THRICE) == Granted()
    assert await worker.take("and one more", THRICE) == Undecided()


async def test_a_lower_limit_waits_until_enough_places_are_free(worker: Worker) -> None:
    for number in range(3):
        await worker.sent(f"n{number}", THRICE)
    strict = Claim(THRICE.key, "rate-limited", 1, HOUR)
    found = await worker.take("strict", strict)
    loose = await worker.take("loose", THRICE)
    assert isinstance(found, Suppressed)
    assert isinstance(loose, Suppressed)
    assert found.until > loose.until


async def test_a_duplicate_uses_up_no_permit(worker: Worker) -> None:
    await worker.sent("first", ONCE, THRICE)
    for number in range(5):
        assert isinstance(await worker.take(f"again {number}", ONCE, THRICE), Suppressed)
    await worker.sent("other", THRICE)
    await worker.sent("third", THRICE)
    assert isinstance(await worker.take("fourth", THRICE), Suppressed)


async def test_one_tenant_knows_nothing_of_another(database: Database) -> None:
    await Worker(database, "press").sent("first", ONCE)
    other = Worker(database, "paint")
    assert await other.take("first", ONCE) == Granted()
    later(database, HOUR)
    await other.take("second", THRICE)
    with database.session() as session:
        kept = session.scalars(select(NotificationClaim.tenant_id)).all()
    assert "press" in kept, "only its own expired claims are cleared"


async def test_expired_claims_are_cleared(worker: Worker, database: Database) -> None:
    for number in range(20):
        await worker.sent(f"n{number}", Claim(f"key {number}", "duplicate", 1, HOUR))
    assert rows(database) == 20
    later(database, HOUR)
    await worker.take("fresh", ONCE)
    assert rows(database) == 1


async def test_of_many_at_the_same_moment_exactly_one_may_send(database: Database) -> None:
    workers = [Worker(database) for _ in range(4)]
    taken = await asyncio.gather(
        *(workers[number % 4].take(f"n{number}", ONCE, THRICE) for number in range(40))
    )
    assert Counter(map(type, taken)) == {Granted: 1, Undecided: 39}


async def test_of_many_at_the_same_moment_as_many_as_permitted_may_send(
    database: Database,
) -> None:
    async def one(number: int) -> Verdict:
        worker = Worker(database)
        verdict = await worker.take(f"n{number}", THRICE)
        if isinstance(verdict, Granted):
            await worker.ledger.settle("press", f"n{number}", [THRICE])
        return verdict

    taken = await asyncio.gather(*map(one, range(40)))
    assert Counter(map(type, taken))[Granted] == 3


async def test_claims_in_any_order_never_block_each_other(database: Database) -> None:
    claims = [Claim(f"key {number}", "rate-limited", 1000, HOUR) for number in range(6)]
    orders = list(permutations(claims, 4))

    async def one(number: int) -> None:
        worker = Worker(database)
        mine = list(orders[number * 6])
        assert await worker.take(f"n{number}", *mine) == Granted()
        acts: tuple[Callable[..., Awaitable[None]], ...] = (
            worker.ledger.settle,
            worker.ledger.release,
        )
        await acts[number % 2]("press", f"n{number}", mine)

    await asyncio.gather(*map(one, range(60)))
    assert rows(database) == 30 * 4
