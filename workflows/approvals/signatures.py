"""What binds a person to a decision: a signature over who said what of which data, when, as whom.

What is signed has two forms. Decisions of the first one leave out the moment and the roles; none
are made any more, but they stay verifiable. Which form it is stands in the signature itself, where
no worker of an older version loses it on the way.
"""

import hashlib
import hmac
from typing import Final

from activities.approvals.types import Approval, Vote
from foundation.json import JsonValue, canonical

PURPOSE: Final = "approvals"
# What signatures of the second form begin with; those of the first one have nothing there.
_SECOND: Final = "2:"


def signature(key: bytes, approval: Approval, vote: Vote) -> str:
    """Sign a vote: HMAC-SHA-256, hexadecimal, after the number of the form."""
    signed = [2, *_said(approval, vote), vote.at, *vote.person.roles]
    return f"{_SECOND}{_code(key, signed)}"


def is_signed(key: bytes, approval: Approval, vote: Vote) -> bool:
    """Tell whether a vote is what its person said, of the data of this approval."""
    if has_moment(vote):
        expected = signature(key, approval, vote)
    else:
        expected = _code(key, _said(approval, vote))
    return vote.data_hash == approval.data_hash and hmac.compare_digest(
        expected.encode(), vote.signature.encode()
    )


def has_moment(vote: Vote) -> bool:
    """Tell whether the moment and the roles are signed, too."""
    return vote.signature.startswith(_SECOND)


def says_the_same(approval: Approval, vote: Vote, other: Vote) -> bool:
    """Tell whether two votes are the same decision, which may be said at different moments."""
    return canonical(_said(approval, vote)) == canonical(_said(approval, other))


def _said(approval: Approval, vote: Vote) -> list[JsonValue]:
    """Spell what somebody decides; it is the whole first form."""
    return [
        approval.tenant_id,
        approval.id,
        vote.person.id,
        vote.person.email,
        vote.approves,
        vote.data_hash,
        vote.form,
        vote.comment,
    ]


def _code(key: bytes, signed: list[JsonValue]) -> str:
    return hmac.new(key, canonical(signed), hashlib.sha256).hexdigest()
