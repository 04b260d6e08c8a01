"""Flags of `millwright mcp`. What it does is in `cli.mcp`."""

import argparse

from cli.instance_flags import connection_flags

_STATUSES = ("running", "succeeded", "failed", "cancelled", "lost")


def describe_mcp(parser: argparse.ArgumentParser) -> None:
    """Describe `millwright mcp`."""
    parser.description = (
        "MCP servers and the calls of their tools. The API is found and logged in to as with "
        "'millwright secrets'."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _calls(verbs.add_parser("calls", help="list the calls of tools, newest first"))
    health = verbs.add_parser("health", help="list how servers are; fails when one does not answer")
    health.add_argument(
        "--limit", type=int, default=200, metavar="N", help="how many at most; default 200"
    )
    check = verbs.add_parser("check", help="ask a server now whether it is there")
    check.add_argument("server", metavar="SERVER", help="as it is registered: excel")
    login = verbs.add_parser("login", help="agree, in your browser, that a server is used as you")
    login.add_argument("server", metavar="SERVER", help="as it is registered: crm")
    logout = verbs.add_parser("logout", help="drop what somebody has agreed to")
    logout.add_argument("server", metavar="SERVER", help="as it is registered: crm")
    _import(verbs.add_parser("import", help="register what a server.json describes"))
    for verb in (health, check, login, logout):
        connection_flags(verb)
    _policy(verbs.add_parser("policy", help="show or decide what holds for a tool"))
    parser.set_defaults(module="cli.mcp")


def _policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("server", metavar="SERVER", help="as it is registered: excel")
    parser.add_argument("tool", metavar="TOOL", help="one of its tools: read_range")
    change = parser.add_mutually_exclusive_group()
    change.add_argument(
        "--set",
        dest="policy",
        metavar="POLICY",
        help="decide: JSON, or a file with JSON; - reads standard input. It replaces what was "
        "decided before",
    )
    change.add_argument("--remove", action="store_true", help="let hold again what its server says")
    connection_flags(parser)


def _import(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Register what a server.json of the MCP registry describes, or update it; the same one "
        "again changes nothing. A missing secret is asked for, or read with --secrets-from."
    )
    parser.add_argument("file", metavar="FILE", help="the server.json; - is standard input")
    parser.add_argument("--name", metavar="NAME", help="what the server is called here")
    parser.add_argument(
        "--choose", metavar="WHICH", help="which address or package, as remotes/0 or packages/1"
    )
    parser.add_argument(
        "--value",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="for what it asks; again for an argument that may be repeated",
    )
    parser.add_argument(
        "--secrets-from", metavar="FILE", help="a JSON object of the secrets, by name"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only show what would be registered; stores nothing"
    )
    connection_flags(parser)


def _calls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", metavar="SERVER", help="only those of this server")
    parser.add_argument("--tool", metavar="TOOL", help="only those of tools of this name")
    parser.add_argument("--status", choices=_STATUSES, metavar="STATUS", help=", ".join(_STATUSES))
    parser.add_argument("--instance", metavar="INSTANCE", help="only those of this instance")
    parser.add_argument(
        "--limit", type=int, default=50, metavar="N", help="how many at most; default 50"
    )
    connection_flags(parser)
