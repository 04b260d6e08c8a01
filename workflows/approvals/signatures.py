"""What binds a person to a decision: a signature over who said what of which data."""

import hashlib
import hmac
from typing import Final

from activities.approvals.types import Approval, Vote
from foundation.json import canonical

PURPOSE: Final = "approvals"


def signature(key: bytes, approval: Approval, vote: Vote) -> str:
    """Sign a vote: HMAC-SHA-256, hexadecimal."""
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


def is_signed(key: bytes, approval: Approval, vote: Vote) -> bool:
    """Tell whether a vote is what its person said, of the data of this approval."""
    return vote.data_hash == approval.data_hash and hmac.compare_digest(
        signature(key, approval, vote), vote.signature
    )
