"""Approvals: what waits for people, and their decisions."""

from typing import Any

from millwright_client.calls.reading import given, one, page, path
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import Approval, Page


def list_(
    *,
    status: str | None = None,
    everybody: bool = False,
    page_size: int | None = None,
    page_token: str | None = None,
) -> Flow[Page[Approval]]:
    """List what one may decide: what is pending, unless `status` says otherwise.

    Args:
        everybody: Also what others decide; needs the permission `approval:read`.
    """
    params = given(
        status=status,
        everybody=True if everybody else None,
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


def _said(approval: Approval, what: str, form: Any, comment: str | None) -> Flow[Approval]:
    where = f"{path('approvals', approval.id)}:{what}"
    body = {"data_hash": approval.data_hash, "form": form, "comment": comment}
    return ask(Call("POST", where, one(Approval), json=body, safe=True))
