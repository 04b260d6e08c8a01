"""Decisions are signed: who said what of which data, when and in which roles."""

import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.approvals.types import Approval, Person, Telling, Vote
from foundation.errors import ConflictError
from foundation.json import canonical
from security.sealing import Sealer
from tests.interpreter.asking import asked, finished, person, says, the_one
from tests.interpreter.conftest import Runner
from workflows.approvals.signatures import PURPOSE
from workflows.interpreter.types import DECIDE_UPDATE, Decision

pytestmark = pytest.mark.anyio


async def kept(run: Runner, approval_id: str) -> Approval:
    found = await run.inbox.desk.read(run.tenant, approval_id)
    assert found is not None
    return found


async def rewrite(run: Runner, approval_id: str, **changes: Any) -> None:
    """Change a decision behind the product's back."""
    found = await kept(run, approval_id)
    vote = found.votes[0].model_copy(update=changes)
    forged = found.model_copy(update={"votes": [vote], "revision": found.revision + 1})
    await run.inbox.desk.show(forged, Telling(run_id=found.told_by, at=datetime.now(tz=UTC)))


async def test_the_moment_that_is_kept_is_that_of_the_api(run: Runner) -> None:
    handle, shown = await asked(run)
    before = time.time()
    at = (await says(run, person(run, "ada"), shown)).votes[0].at
    ended = await finished(run, handle)
    vote = (await kept(run, shown.id)).votes[0]
    assert before <= vote.at <= time.time()
    assert at.timestamp() == pytest.approx(vote.at, abs=1e-6)
    told = ended.output["how"]["votes"][0]["at"]
    assert told.startswith(at.strftime("%Y-%m-%dT%H:%M:%S"))
    # The update brought it, so that no replay and no other worker takes another one.
    history = await handle.fetch_history()
    assert any(str(vote.at) in event_text(event) for event in history.events)


def event_text(event: Any) -> str:
    update = event.workflow_execution_update_accepted_event_attributes
    return "".join(part.data.decode() for part in update.accepted_request.input.args.payloads)


@pytest.mark.parametrize("what", ["moment", "roles", "comment"])
async def test_what_is_changed_later_is_seen(run: Runner, what: str) -> None:
    handle, shown = await asked(run)
    after = await says(run, person(run, "m", "manager"), shown, comment="fine")
    assert (after.votes[0].verified, after.votes[0].moment_verified) == (True, True)
    assert after.votes[0].roles == ["manager"]
    await finished(run, handle)
    vote = (await kept(run, shown.id)).votes[0]
    changes: dict[str, dict[str, Any]] = {
        "moment": {"at": vote.at - 60},
        "roles": {"person": vote.person.model_copy(update={"roles": ["director"]})},
        "comment": {"comment": "hot"},
    }
    await rewrite(run, shown.id, **changes[what])
    changed = (await the_one(run)).votes[0]
    assert (changed.verified, changed.moment_verified) == (False, False)


async def test_a_decision_cannot_be_made_into_an_old_one(run: Runner) -> None:
    handle, shown = await asked(run)
    await says(run, person(run, "ada"), shown)
    await finished(run, handle)
    vote = (await kept(run, shown.id)).votes[0]
    await rewrite(run, shown.id, at=1.0, signature=vote.signature.rpartition(":")[2])
    assert [each.verified for each in (await the_one(run)).votes] == [False]


async def test_decisions_of_older_versions_are_verified_without_the_moment(run: Runner) -> None:
    handle, shown = await asked(run, "        quorum: 2")
    ada = person(run, "ada")
    await says(run, person(run, "m", "manager"), shown)
    # As an API of before would have said it: the run takes its own moment.
    vote = Vote(
        person=Person(id=ada.subject, email=ada.email),
        approves=True,
        data_hash=shown.data_hash,
        comment="old",
    )
    signature = old_signature(Sealer(bytes(32)).derive(PURPOSE), await kept(run, shown.id), vote)
    old = vote.model_copy(update={"signature": signature})
    await handle.execute_update(DECIDE_UPDATE, Decision(approval=shown.id, vote=old))
    await finished(run, handle)
    _, found = (await the_one(run)).votes
    assert (found.verified, found.moment_verified) == (True, False)
    assert found.at >= shown.opened_at
    await rewrite(run, shown.id, signature=signature, comment="new")
    assert not (await the_one(run)).votes[0].verified


def old_signature(key: bytes, approval: Approval, vote: Vote) -> str:
    """As it was made when neither the moment nor the roles were signed."""
    said = canonical(
        [
            approval.tenant_id,
            approval.id,
            vote.person.id,
            vote.person.email,
            vote.approves,
            vote.data_hash,
            vote.form,
            vote.comment,
        ]
    )
    return hmac.new(key, said, hashlib.sha256).hexdigest()


async def test_the_same_said_later_in_other_roles_is_the_same(run: Runner) -> None:
    handle, shown = await asked(run, "        quorum: 2")
    first = await says(run, person(run, "ada", "manager"), shown, comment="yes")
    again = await says(run, person(run, "ada", "manager", "operator"), shown, comment="yes")
    assert again.votes == first.votes
    with pytest.raises(ConflictError, match="already"):
        await says(run, person(run, "ada", "manager"), shown, comment="yes!")
    await handle.terminate()


async def test_a_moment_that_no_calendar_has_is_not_taken(run: Runner) -> None:
    """Only who can reach Temporal itself can send one; the inbox could not be shown any more."""
    handle, shown = await asked(run)
    said: dict[str, Any] = {"person": {"id": "x", "email": "ada@plant.example"}, "approves": True}
    vote: dict[str, Any] = {**said, "data_hash": shown.data_hash, "at": 1e300}
    with pytest.raises(Exception, match="update failed"):
        await handle.execute_update(DECIDE_UPDATE, {"approval": shown.id, "vote": vote})
    await says(run, person(run, "ada"), shown)
    assert (await finished(run, handle)).error is None
