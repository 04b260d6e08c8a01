"""`millwright mcp`: which calls the tools of MCP servers had."""

import argparse
from collections.abc import Iterator, Sequence

from cli.connection import connected
from cli.following import clock
from cli.listing import print_listing, require_limit
from cli.tables import DATE, columns
from millwright_client import McpCall, Millwright

_PAGE = 200


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    return _VERBS[flags.verb](flags)


def _calls(flags: argparse.Namespace) -> int:
    require_limit(flags)
    with connected(flags) as client:
        return print_listing(
            flags, _all_calls(client, flags), _call_table, none="There are no such calls."
        )


def _all_calls(client: Millwright, flags: argparse.Namespace) -> Iterator[McpCall]:
    token: str | None = None
    while True:
        page = client.mcp.list_calls(
            server=flags.server,
            tool=flags.tool,
            status=flags.status,
            instance_id=flags.instance,
            page_size=min(flags.limit + 1, _PAGE),
            page_token=token,
        )
        yield from page.items
        token = page.next_page_token
        if token is None:
            return


def _call_table(calls: Sequence[McpCall]) -> Iterator[str]:
    rows = [("STATUS", "RAN", "STARTED", "MS", "TRY", "TOOL", "ERROR", "BY")]
    rows += [
        (
            each.status,
            each.executed,
            clock(each.started_at, DATE),
            "" if each.latency_ms is None else f"{each.latency_ms:.0f}",
            str(each.attempt),
            f"{each.server}/{each.tool}",
            each.error or "",
            f"{each.instance_id} {each.task}" if each.instance_id else each.called_by or "",
        )
        for each in calls
    ]
    return columns(rows)


_VERBS = {"calls": _calls}
