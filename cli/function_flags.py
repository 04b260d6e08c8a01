"""Flags of `millwright functions`. What it does is in `cli.functions`."""

import argparse

from cli.instance_flags import connection_flags


def describe_functions(parser: argparse.ArgumentParser) -> None:
    """Describe `millwright functions`."""
    parser.description = (
        "The tenant's own catalogue of functions, which workflows call as NAME:VERSION@default. "
        "The API is found and logged in to as with 'millwright secrets'."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    publish = verbs.add_parser("publish", help="publish a version of a function; it never changes")
    show = verbs.add_parser("show", help="print the text of one version")
    for verb in (publish, show):
        verb.add_argument("name", metavar="NAME")
        verb.add_argument("version", metavar="VERSION", help="for example 1.0.0")
        connection_flags(verb)
    publish.add_argument("file", metavar="FILE", help="one task in YAML or JSON; - reads stdin")
    listing = verbs.add_parser("list", help="list functions, or the versions of one")
    listing.add_argument("name", metavar="NAME", nargs="?", help="list the versions of this one")
    listing.add_argument(
        "--limit", type=int, default=50, metavar="N", help="how many at most; default 50"
    )
    connection_flags(listing)
    parser.set_defaults(module="cli.functions")
