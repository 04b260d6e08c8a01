"""`millwright approvals`: list, show, approve, reject, delegate."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace

from cli.connection import connected
from cli.following import OK, print_json, say
from cli.given import json_input
from cli.listing import print_listing, require_limit
from cli.tables import approval_lines, approval_listing
from millwright_client import Approval, Millwright

_PAGE = 200
_NONE = "There are none. Look further with --status all and --everybody."


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    return _VERBS[flags.verb](flags)


def _list(flags: argparse.Namespace) -> int:
    require_limit(flags)
    with connected(flags) as client:
        return print_listing(
            flags,
            _all(client, flags),
            approval_listing,
            none="There are none. Look further with --status all and --everybody.",
        )


def _all(client: Millwright, flags: argparse.Namespace) -> Iterator[Approval]:
    token: str | None = None
    while True:
        page = client.approvals.list(
            status=None if flags.status == "all" else flags.status.upper(),
            any_status=flags.status == "all",
            everybody=flags.everybody,
            instance_id=flags.instance,
            page_size=min(flags.limit + 1, _PAGE),
            page_token=token,
        )
        yield from page.items
        token = page.next_page_token
        if token is None:
            return


def _show(flags: argparse.Namespace) -> int:
    with connected(flags) as client:
        approval = client.approvals.get(flags.approval)
    if flags.json:
        print_json(asdict(approval))
    else:
        print("\n".join(approval_lines(approval)))
    if approval.mine and not flags.json:
        say(f"Decide: millwright approvals approve {approval.id} --seen {approval.data_hash}")
    return OK


def _decide(flags: argparse.Namespace) -> int:
    """Approve or reject what is there, or what was seen before."""
    form = None if flags.form is None else json_input(flags.form)
    with connected(flags) as client:
        approval = client.approvals.get(flags.approval)
        if flags.seen is not None:
            approval = replace(approval, data_hash=flags.seen)
        ask = client.approvals.approve if flags.verb == "approve" else client.approvals.reject
        after = ask(approval, form=form, comment=flags.comment)
    return _told(
        flags, after, "You have approved" if flags.verb == "approve" else "You have rejected"
    )


def _delegate(flags: argparse.Namespace) -> int:
    with connected(flags) as client:
        approval = client.approvals.get(flags.approval)
        after = client.approvals.delegate(approval, flags.to)
    return _told(flags, after, f"{flags.to} decides now")


def _told(flags: argparse.Namespace, after: Approval, what: str) -> int:
    if flags.json:
        print_json(asdict(after))
    else:
        print(f"{what}: {after.id} is {after.status}.")
    return OK


_VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "approve": _decide,
    "reject": _decide,
    "delegate": _delegate,
}
