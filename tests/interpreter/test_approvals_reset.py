"""An operator takes a run back to a moment of its history: people are asked anew."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from foundation.database import Database
from tests.fixtures.polling import pause
from tests.interpreter.asking import asked, asking, finished, person, says
from tests.interpreter.conftest import Runner
from tests.interpreter.resetting import moments_of, reset, until_votes
from tests.interpreter.test_retry import Busy, busy
from workflows.approvals.models import ApprovalLink

pytestmark = pytest.mark.anyio
__all__ = ["busy"]

TOLD = """
use:
  functions:
    tell:
      do:
        - mail: { call: http, with: { method: get, endpoint: '%s' } }
        - takes: { wait: PT3S }
do:
  - release:
      call: approval
      with: { title: Release, candidates: { roles: [ manager ] }, notify: tell }
"""
TWO = "        quorum: 2"


@pytest.mark.parametrize("before_it_was_asked", [True, False])
async def test_what_was_decided_after_the_moment_does_not_count_and_can_be_decided_again(
    run: Runner, before_it_was_asked: bool
) -> None:
    handle, shown = await asked(run, TWO)
    moments = await moments_of(handle)
    await says(run, person(run, "ada"), shown)
    await says(run, person(run, "m", "manager"), shown, approves=False)
    assert (await finished(run, handle)).error is not None

    again = await reset(run.client, handle, moments[0 if before_it_was_asked else -1])
    shown = await until_votes(run, 0)
    await says(run, person(run, "ada"), shown)
    await says(run, person(run, "bo", "manager"), await until_votes(run, 1))
    ended = await finished(run, again)
    assert [vote["by"] for vote in ended.output["how"]["votes"]] == [
        "ada@plant.example",
        "bo@plant.example",
    ]


async def test_what_was_decided_before_the_moment_counts(run: Runner) -> None:
    handle, shown = await asked(run, TWO)
    await says(run, person(run, "ada"), shown)
    await until_votes(run, 1)
    # The run has to know that it is shown: at the moment before, nobody had decided.
    await run.until(handle, asking)
    moments = await moments_of(handle)
    await says(run, person(run, "m", "manager"), shown, approves=False)
    again = await reset(run.client, handle, moments[-1])
    shown = await until_votes(run, 1)
    await says(run, person(run, "bo", "manager"), shown)
    assert (await finished(run, again)).error is None


async def test_links_of_the_time_after_the_moment_are_taken_back(
    run: Runner, shared_database: Database
) -> None:
    handle, shown = await asked(run)
    moments = await moments_of(handle)
    with shared_database.session() as session:
        session.add(
            ApprovalLink(
                tenant_id=run.tenant,
                id=uuid4().hex,
                approval_id=shown.id,
                workflow_id=handle.id,
                user_id="ada",
                decisions=["approve"],
                data_hash=shown.data_hash,
                expires_at=shown.opened_at.replace(year=2200),
                asked_by=handle.first_execution_run_id,
            )
        )
    await says(run, person(run, "m", "manager"), shown, approves=False)
    await finished(run, handle)
    await reset(run.client, handle, moments[0])
    await until_votes(run, 0)
    with shared_database.session() as session:
        (link,) = session.scalars(
            select(ApprovalLink).where(ApprovalLink.tenant_id == run.tenant)
        ).all()
    assert link.revoked_at is not None


async def test_people_are_told_anew_also_when_they_were_just_being_told(
    run: Runner, busy: Busy
) -> None:
    """What they were sent may be a link, and links of the time after the moment are taken back."""
    handle = await run.start(TOLD % busy.url)
    while not busy.asked:
        await pause()
    await run.until(handle, lambda told: "timer" in str(told.waiting_for))
    again = await reset(run.client, handle, (await moments_of(handle))[-1])
    while busy.asked != 2:
        await pause()
    await says(run, person(run, "m", "manager"), await until_votes(run, 0))
    assert (await finished(run, again)).output["approved"] is True
    assert busy.asked == 2
    await run.replay(again)
