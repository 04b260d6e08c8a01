"""Who sees an approval, and whose it is to decide: the same rules for every way to it.

Whether a decision is taken is decided by the run alone; this is what people are shown before.
"""

from typing import Final

from activities.approvals.types import Approval, ApprovalStatus, Person
from security.principal import Principal

READ: Final = "approval:read"
DECIDE: Final = "approval:decide"


def person_of(principal: Principal) -> Person:
    """Spell who decides."""
    return Person(
        id=principal.subject, email=principal.email.lower(), roles=sorted(principal.roles)
    )


def is_candidate(approval: Approval, principal: Principal) -> bool:
    """Tell whether somebody is one of those who are asked."""
    return principal.email.lower() in approval.users or bool(
        principal.roles.intersection(approval.roles)
    )


def may_see(approval: Approval, principal: Principal) -> bool:
    """Tell whether somebody may look at an approval."""
    return (
        is_candidate(approval, principal)
        or READ in principal.permissions
        or _has_voted(approval, principal)
    )


def may_decide(approval: Approval, principal: Principal) -> bool:
    """Tell whether somebody may decide an approval now."""
    return (
        approval.tenant_id == principal.tenant_id
        and approval.status is ApprovalStatus.PENDING
        and DECIDE in principal.permissions
        and is_candidate(approval, principal)
        and principal.subject not in approval.excluded
        and not _has_voted(approval, principal)
    )


def _has_voted(approval: Approval, principal: Principal) -> bool:
    return any(vote.person.id == principal.subject for vote in approval.votes)
