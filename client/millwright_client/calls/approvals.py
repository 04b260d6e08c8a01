"""Approvals: what waits for people, and their decisions."""

from collections.abc import Sequence
from typing import Any

from millwright_client.calls.reading import given, nothing, one, page, path
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import Approval, ApprovalLink, MadeLink, Page


def list_(
    *,
    status: str | None = None,
    everybody: bool = False,
    any_status: bool = False,
    instance_id: str | None = None,
    page_size: int | None = None,
    page_token: str | None = None,
) -> Flow[Page[Approval]]:
    """List what one may decide: what is pending, unless `status` says otherwise.

    Args:
        everybody: Also what others decide; needs the permission `approval:read`.
        any_status: Whatever became of them.
        instance_id: Only those of this instance.
    """
    params = given(
        status=status,
        everybody=True if everybody else None,
        any_status=True if any_status else None,
        instance_id=instance_id,
        page_size=page_size,
        page_token=page_token,
    )
    return ask(Call("GET", "/approvals", page(Approval), params=params, safe=True))


def get(approval_id: str) -> Flow[Approval]:
    """Look at one approval."""
    return ask(Call("GET", path("approvals", approval_id), one(Approval), safe=True))


def approve(approval: Approval, *, form: Any = None, comment: str | None = None) -> Flow[Approval]:
    """Say yes to what the approval shows. Saying it again changes nothing."""
    return _said(approval, "approve", form, comment)


def reject(approval: Approval, *, form: Any = None, comment: str | None = None) -> Flow[Approval]:
    """Say no to what the approval shows."""
    return _said(approval, "reject", form, comment)


def delegate(approval: Approval, to: str) -> Flow[Approval]:
    """Hand an approval on to the person with this mail address."""
    where = f"{path('approvals', approval.id)}:delegate"
    return ask(Call("POST", where, one(Approval), json={"to": to}))


def make_link(approval_id: str, decisions: Sequence[str] | None = None) -> Flow[MadeLink]:
    """Make a link by which one decides, once, without logging in. Send it only to yourself.

    Args:
        decisions: What it is good for: `approve`, `reject`; both when left out.
    """
    body = {} if decisions is None else {"decisions": list(decisions)}
    return ask(Call("POST", path("approvals", approval_id, "links"), one(MadeLink), json=body))


def links(approval_id: str, *, everybody: bool = False) -> Flow[Page[ApprovalLink]]:
    """List one's links to an approval, those in mails included.

    Args:
        everybody: Also those of others; needs the permission `approval:manage`.
    """
    where = path("approvals", approval_id, "links")
    params = given(everybody=True if everybody else None)
    return ask(Call("GET", where, page(ApprovalLink), params=params, safe=True))


def revoke_link(approval_id: str, link_id: str) -> Flow[None]:
    """Take a link back that was not used."""
    where = path("approvals", approval_id, "links", link_id)
    return ask(Call("DELETE", where, nothing, safe=True))


def _said(approval: Approval, what: str, form: Any, comment: str | None) -> Flow[Approval]:
    where = f"{path('approvals', approval.id)}:{what}"
    body = {"data_hash": approval.data_hash, "form": form, "comment": comment}
    return ask(Call("POST", where, one(Approval), json=body, safe=True))
