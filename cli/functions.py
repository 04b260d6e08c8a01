"""`millwright functions`: publish, list, show what the tenant's workflows have in common."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from cli.connection import connected
from cli.following import OK, clock, print_json, say
from cli.given import content
from cli.listing import print_listing, require_limit
from cli.tables import columns
from millwright_client import FunctionSummary, Millwright

_PAGE = 200
_DATE = "%Y-%m-%d %H:%M:%S"


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    return {"publish": _publish, "list": _list, "show": _show}[flags.verb](flags)


def _publish(flags: argparse.Namespace) -> int:
    text = content(flags.file)
    with connected(flags) as client:
        function = client.functions.publish(flags.name, flags.version, text)
    if flags.json:
        print_json(asdict(function))
        return OK
    for finding in function.findings:
        say(f"{flags.file}:{finding.line}:{finding.column}: {finding.severity} {finding.message}")
    done = "Published" if function.created else "Published before:"
    print(f"{done} {function.name} {function.version}.")
    print(f"A workflow calls it as {function.name}:{function.version}@default.")
    return OK


def _list(flags: argparse.Namespace) -> int:
    require_limit(flags)
    with connected(flags) as client:
        return print_listing(
            flags,
            _all(client, flags),
            _table,
            none="There are no functions. Publish one with: millwright functions publish",
        )


def _show(flags: argparse.Namespace) -> int:
    with connected(flags) as client:
        function = client.functions.get(flags.name, flags.version)
    if flags.json:
        print_json(asdict(function))
    else:
        print(function.source, end="")
    return OK


def _all(client: Millwright, flags: argparse.Namespace) -> Iterator[FunctionSummary]:
    token: str | None = None
    size = min(flags.limit + 1, _PAGE)
    while True:
        page = (
            client.functions.list(page_size=size, page_token=token)
            if flags.name is None
            else client.functions.versions(flags.name, page_size=size, page_token=token)
        )
        yield from page.items
        token = page.next_page_token
        if token is None:
            return


def _table(functions: Sequence[FunctionSummary]) -> Iterator[str]:
    rows = [("FUNCTION", "VERSION", "PUBLISHED")]
    rows += [
        (each.name, each.version, clock(each.published_at, _DATE) if each.published_at else "")
        for each in functions
    ]
    return columns(rows)
