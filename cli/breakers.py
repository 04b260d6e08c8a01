"""`millwright breakers`: whether MCP servers are called, and who decides that."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from cli.connection import connected
from millwright_client import McpBreaker

OK = 0
MODES: Final = {"open": "open", "close": "closed", "disable": "disabled", "auto": "auto"}


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    with connected(flags) as client:
        if flags.verb == "show":
            found = client.mcp.get_breaker(flags.server)
        else:
            mode = MODES[flags.verb]
            found = client.mcp.put_breaker(flags.server, mode, reason=flags.reason)
    print(json.dumps(asdict(found), default=str) if flags.json else "\n".join(_lines(found)))
    return OK


def _lines(breaker: McpBreaker) -> Iterator[str]:
    left = f", tried again in {breaker.open_for_s:.1f} s" if breaker.open_for_s else ""
    yield f"{breaker.server}  {breaker.state}{left}"
    forced = breaker.forced
    if forced["mode"] != "auto":
        why = f": {json.dumps(forced['reason'])}" if forced.get("reason") else ""
        yield f"an administrator decided '{forced['mode']}' at {forced['at']}{why}"
    yield (
        f"of the last {breaker.calls} calls {breaker.failed} failed, {breaker.slow} were slow; "
        f"{breaker.refused} were not let through"
    )
    for moment in breaker.moments:
        yield f"{moment['at']}  {moment['state']}"
    if not breaker.shared:
        yield "There is no Redis: each worker has a breaker of its own. This is the one of the API."
