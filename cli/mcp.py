"""`millwright mcp`: how servers are, which calls and policies their tools have, logging in."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice

from cli.connection import connected
from cli.following import FAILED, OK, clock, print_json
from cli.given import json_input
from cli.listing import print_listing, require_limit
from cli.tables import DATE, columns
from millwright_client import McpCall, McpHealth, McpToolPolicy, Millwright

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
            f"{each.error}; given: {each.fallback}" if each.degraded else each.error or "",
            f"{each.instance_id} {each.task}" if each.instance_id else each.called_by or "",
        )
        for each in calls
    ]
    return columns(rows)


def _health(flags: argparse.Namespace) -> int:
    require_limit(flags)
    with connected(flags) as client:
        found = list(islice(_all_health(client, flags), flags.limit + 1))
        print_listing(flags, iter(found), _health_table, none="No MCP server is registered.")
    return FAILED if any(each.healthy is False for each in found[: flags.limit]) else OK


def _check(flags: argparse.Namespace) -> int:
    with connected(flags) as client:
        found = client.mcp.check_server(flags.server)
    if flags.json:
        print_json(asdict(found))
    else:
        print("\n".join(_health_table([found])))
    return OK if found.healthy else FAILED


def _login(flags: argparse.Namespace) -> int:
    with connected(flags) as client:
        start = client.mcp.authorize_server(flags.server)
    if flags.json:
        print_json(asdict(start))
        return OK
    print(f"Open this in your browser, until {clock(start.expires_at, DATE)}, and agree there:")
    print()
    print(start.url)
    print()
    print(f"Then: millwright mcp check {flags.server}")
    return OK


def _logout(flags: argparse.Namespace) -> int:
    with connected(flags) as client:
        client.mcp.remove_consent(flags.server)
    if not flags.json:
        print(f"'{flags.server}' is used as nobody any more. Take it back at the other side, too.")
    return OK


def _policy(flags: argparse.Namespace) -> int:
    given = None if flags.policy is None else json_input(flags.policy)
    with connected(flags) as client:
        if flags.remove:
            client.mcp.remove_tool_policy(flags.server, flags.tool)
        elif given is not None:
            client.mcp.put_tool_policy(flags.server, flags.tool, given)
        found = client.mcp.get_tool_policy(flags.server, flags.tool)
    if flags.json:
        print_json(asdict(found))
    else:
        print("\n".join(_policy_lines(found)))
    return OK


def _policy_lines(found: McpToolPolicy) -> Iterator[str]:
    by = f"decided by {found.changed_by}" if found.changed_by else "nobody has decided anything"
    yield f"{found.server}/{found.tool}  {by}"
    yield f"repeatable: {'yes' if found.repeatable else 'no'}"
    for name, value in found.policy.items():
        if value not in (None, []):
            yield f"{name}: {json.dumps(value, ensure_ascii=False)}"


def _all_health(client: Millwright, flags: argparse.Namespace) -> Iterator[McpHealth]:
    token: str | None = None
    while True:
        page = client.mcp.list_health(page_size=min(flags.limit + 1, _PAGE), page_token=token)
        yield from page.items
        token = page.next_page_token
        if token is None:
            return


def _health_table(servers: Sequence[McpHealth]) -> Iterator[str]:
    rows = [("SERVER", "HEALTH", "CHECKED", "MS", "BREAKER", "QUARANTINE", "PROBLEM")]
    rows += [
        (
            each.server,
            _HEALTH[each.healthy],
            clock(each.checked_at, DATE) if each.checked_at else "",
            "" if each.latency_ms is None else f"{each.latency_ms:.0f}",
            each.breaker if each.breaker_mode == "auto" else f"{each.breaker_mode} (decided)",
            str(each.quarantined) if each.quarantined else "",
            each.error or "",
        )
        for each in servers
    ]
    return columns(rows)


def _import(flags: argparse.Namespace) -> int:
    # Only here: the other verbs need none of it.
    from cli.mcp_import import import_server  # noqa: PLC0415

    return import_server(flags)


_HEALTH = {True: "answers", False: "does not answer", None: "not checked"}
_VERBS = {
    "calls": _calls,
    "health": _health,
    "check": _check,
    "import": _import,
    "login": _login,
    "logout": _logout,
    "policy": _policy,
}
