"""Flags of `millwright approvals`. What it does is in `cli.approvals`."""

import argparse

from cli.instance_flags import INPUT_HELP, connection_flags

_STATUSES = ("pending", "approved", "rejected", "defaulted", "cancelled", "all")


def describe_approvals(parser: argparse.ArgumentParser) -> None:
    """Describe `millwright approvals`."""
    parser.description = (
        "What waits for people: list, look at, decide, hand on. The API is found and logged in to "
        "as with 'millwright secrets'; decisions are those of whoever is logged in."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _list(verbs.add_parser("list", help="list what waits for your decision, newest first"))
    show = verbs.add_parser("show", help="show one approval: what it is about, who has said what")
    approve = verbs.add_parser("approve", help="say yes")
    reject = verbs.add_parser("reject", help="say no; one no is enough")
    delegate = verbs.add_parser("delegate", help="hand it on; you decide it no more then")
    for verb in (show, approve, reject, delegate):
        verb.add_argument("approval", metavar="APPROVAL", help="its id, as 'list' shows it")
        connection_flags(verb)
    for verb in (approve, reject):
        verb.add_argument("--comment", metavar="TEXT", help="why; everybody who looks sees it")
        verb.add_argument("--form", metavar="FORM", help=f"what the form asks for: {INPUT_HELP}")
        verb.add_argument(
            "--seen",
            metavar="HASH",
            help="refuse when the data is not what 'show' showed with this hash",
        )
    delegate.add_argument("to", metavar="ADDRESS", help="mail address of who is to decide")
    parser.set_defaults(module="cli.approvals")


def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--status",
        choices=_STATUSES,
        default="pending",
        metavar="STATUS",
        help=f"{', '.join(_STATUSES)}; default pending",
    )
    parser.add_argument(
        "--everybody", action="store_true", help="also what others decide (approval:read)"
    )
    parser.add_argument("--instance", metavar="INSTANCE", help="only those of this instance")
    parser.add_argument(
        "--limit", type=int, default=50, metavar="N", help="how many at most; default 50"
    )
    connection_flags(parser)
