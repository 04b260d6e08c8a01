"""Who is let in, in which order, and what becomes of those who die; on a real PostgreSQL."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from activities.limits.types import Concurrency, Limits, Rate
from foundation.database import Database
from foundation.errors import UnavailableError
from workflows.limits import CountedGate
from workflows.limits.models import Beginning, Permit
from workflows.limits.repository import locked

TENANT = "plant-7"


@pytest.fixture
def gate(database: Database) -> CountedGate:
    return CountedGate(database)


def inside(name: str, limit: int = 1, key: str = "press") -> Limits:
    return Limits(
        workflow_id=f"{TENANT}/{name}",
        execution="/do/0/ask",
        concurrency=Concurrency(key=key, limit=limit),
    )


def paced(name: str, limit: int = 2, period_s: float = 60.0) -> Limits:
    rate = Rate(key="press", limit=limit, period_s=period_s)
    return Limits(workflow_id=f"{TENANT}/{name}", execution="/do/0/ask", rate=rate)


def enters(gate: CountedGate, limits: Limits, *, again: bool = False, tenant: str = TENANT) -> bool:
    return gate.enter(tenant, limits, again=again)[0] is None


def leaves(gate: CountedGate, limits: Limits, back_in_s: float | None = None) -> list[str]:
    """Return whose turn it is then."""
    turns = gate.leave(TENANT, limits, back_in_s=back_in_s)
    return [each.workflow_id.rpartition("/")[2] for each in turns]


def let_pass(database: Database, seconds: float) -> None:
    """Let time go by: everything that was written is so much older."""
    ago = timedelta(seconds=seconds)
    with database.session() as session:
        session.execute(
            update(Permit).values(since=Permit.since - ago, expires_at=Permit.expires_at - ago)
        )
        session.execute(
            update(Beginning).values(at=Beginning.at - ago, expires_at=Beginning.expires_at - ago)
        )


def test_no_more_are_inside_than_the_limit_says(gate: CountedGate) -> None:
    assert [enters(gate, inside(name, limit=2)) for name in "abc"] == [True, True, False]
    leaves(gate, inside("a", limit=2))
    assert enters(gate, inside("c", limit=2))


def test_other_keys_and_other_tenants_have_limits_of_their_own(gate: CountedGate) -> None:
    assert enters(gate, inside("a"))
    assert enters(gate, inside("b", key="weld"))
    assert enters(gate, inside("c"), tenant="plant-8")
    assert not enters(gate, inside("d"))


def test_who_came_first_is_called_first_and_nobody_passes(gate: CountedGate) -> None:
    assert [enters(gate, inside(name)) for name in "abc"] == [True, False, False]
    assert leaves(gate, inside("a")) == ["b"]
    assert not enters(gate, inside("d"))
    assert not enters(gate, inside("c"))
    assert enters(gate, inside("b"))
    assert leaves(gate, inside("b")) == ["c"]


def test_who_is_inside_is_let_in_again_with_one_place(gate: CountedGate) -> None:
    assert enters(gate, inside("a", limit=2))
    assert enters(gate, inside("a", limit=2), again=True)
    assert enters(gate, inside("b", limit=2))


def test_a_dead_worker_loses_its_place_and_one_that_renews_does_not(
    gate: CountedGate, database: Database
) -> None:
    assert enters(gate, inside("a"))
    let_pass(database, 20)
    gate.renew(TENANT, inside("a"))
    let_pass(database, 20)
    assert not enters(gate, inside("b"))
    let_pass(database, 11)
    assert enters(gate, inside("b"))


def test_who_is_called_and_does_not_come_loses_his_turn(
    gate: CountedGate, database: Database
) -> None:
    assert [enters(gate, inside(name)) for name in "abc"] == [True, False, False]
    assert leaves(gate, inside("a")) == ["b"]
    let_pass(database, 31)
    assert enters(gate, inside("c"))
    assert not enters(gate, inside("b"))


def test_who_gives_up_is_not_called_and_plans_nothing(
    gate: CountedGate, database: Database
) -> None:
    soon = {"until": time.time() + 5}
    assert enters(gate, inside("a"))
    assert not enters(gate, inside("b").model_copy(update=soon))
    assert not enters(gate, inside("c"))
    assert enters(gate, paced("a", limit=1))
    assert not enters(gate, paced("b", limit=1).model_copy(update=soon))
    refused, _ = gate.enter(TENANT, paced("c", limit=1), again=False)
    assert refused is not None
    assert round(refused.after_s) == 60

    let_pass(database, 6)
    gate.renew(TENANT, inside("a"))
    assert leaves(gate, inside("a")) == ["c"]


def test_a_key_that_everybody_wants_is_waited_for_and_no_fault(
    gate: CountedGate, database: Database
) -> None:
    with database.session() as session:
        locked(session, TENANT, ["concurrency press"])
        with pytest.raises(UnavailableError, match="ask for their turn"):
            gate.enter(TENANT, inside("a"), again=False)
    assert enters(gate, inside("a"))


def test_who_will_try_again_keeps_the_place_until_then(
    gate: CountedGate, database: Database
) -> None:
    assert enters(gate, inside("a"))
    assert leaves(gate, inside("a"), back_in_s=60) == []
    let_pass(database, 85)
    assert not enters(gate, inside("b"))
    assert enters(gate, inside("a"), again=True)


def test_those_who_wait_long_ask_less_often(gate: CountedGate, database: Database) -> None:
    def again(name: str) -> float:
        refused, _ = gate.enter(TENANT, inside(name), again=False)
        assert refused is not None
        assert (refused.kind, refused.key) == ("concurrency", "press")
        return refused.after_s

    assert enters(gate, inside("a"))
    assert again("b") == 5
    for _ in range(2):
        let_pass(database, 20)
        gate.renew(TENANT, inside("a"))
    assert round(again("b")) == 10


def test_a_rate_lets_so_many_begin_and_tells_the_others_when(
    gate: CountedGate, database: Database
) -> None:
    assert [enters(gate, paced(name)) for name in "ab"] == [True, True]
    waits = [gate.enter(TENANT, paced(name), again=False)[0] for name in "cde"]
    after = [round(each.after_s) if each else 0 for each in waits]
    assert after == [60, 60, 120]

    let_pass(database, 60)
    assert not enters(gate, paced("f"))
    assert not enters(gate, paced("e"))
    assert [enters(gate, paced(name)) for name in "cd"] == [True, True]


def test_who_comes_too_late_does_not_begin_together_with_the_next(
    gate: CountedGate, database: Database
) -> None:
    assert enters(gate, paced("a", limit=1))
    assert not enters(gate, paced("b", limit=1))
    assert not enters(gate, paced("c", limit=1))
    let_pass(database, 119)
    assert enters(gate, paced("b", limit=1))
    let_pass(database, 2)
    refused, _ = gate.enter(TENANT, paced("c", limit=1), again=False)
    assert refused is not None
    assert round(refused.after_s) == 58


def test_a_repeated_attempt_is_counted_and_not_held_back(gate: CountedGate) -> None:
    assert enters(gate, paced("a"))
    assert enters(gate, paced("a"), again=True)
    assert enters(gate, paced("a"), again=True)
    assert not enters(gate, paced("b"))


def test_a_call_with_both_limits_takes_no_place_while_it_waits_for_the_rate(
    gate: CountedGate,
) -> None:
    def both(name: str) -> Limits:
        rate = Rate(key="press", limit=1, period_s=60)
        return inside(name).model_copy(update={"rate": rate})

    assert enters(gate, both("a"))
    leaves(gate, both("a"))
    refused, _ = gate.enter(TENANT, both("b"), again=False)
    assert refused is not None
    assert refused.kind == "rate-limit"
    assert enters(gate, inside("c"))


def test_what_does_not_matter_any_more_is_removed(gate: CountedGate, database: Database) -> None:
    for number in range(8):
        enters(gate, inside(f"{number}", key=f"order-{number}"))
        enters(gate, paced(f"{number}", period_s=1))
    let_pass(database, 1_000)
    assert enters(CountedGate(database), inside("a"))
    with database.session() as session:
        rows = [
            session.scalars(select(func.count()).select_from(table)).one()
            for table in (Permit, Beginning)
        ]
    assert rows == [1, 0]
