"""`millwright mcp import`: a `server.json` becomes a registered server.

A secret comes from a file or a prompt that shows nothing: what stands on a command line is in the
shell's history and in the list of processes.
"""

import argparse
import getpass
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cli.connection import connected
from cli.failures import MisuseError
from cli.following import FAILED, OK, print_json
from cli.given import json_input
from cli.tables import columns
from millwright_client import McpImport, Millwright

_DONE = {"registered": "Registered", "updated": "Updated", "unchanged": "Nothing has changed about"}


def import_server(flags: argparse.Namespace) -> int:
    """Import a server, or show what that would be; fails when something is missing."""
    document = _object(flags.file)
    secrets = {} if flags.secrets_from is None else _secrets(flags)
    values = values_of(flags.value)
    with connected(flags) as client:
        if not flags.dry_run and flags.file != "-" and sys.stdin.isatty():
            secrets |= _asked(_sent(client, flags, document, values, secrets, dry_run=True))
        found = _sent(client, flags, document, values, secrets, dry_run=flags.dry_run)
    if flags.json:
        print_json(asdict(found))
    else:
        print("\n".join(plan_lines(found) if flags.dry_run else _done(found)))
    return FAILED if flags.dry_run and found.plan.missing else OK


def _sent(
    client: Millwright,
    flags: argparse.Namespace,
    document: dict[str, Any],
    values: dict[str, str | list[str]],
    secrets: dict[str, str],
    *,
    dry_run: bool,
) -> McpImport:
    return client.mcp.import_server(
        document,
        name=flags.name,
        choose=flags.choose,
        values=values,
        secrets=secrets,
        dry_run=dry_run,
    )


def _asked(found: McpImport) -> dict[str, str]:
    secret = {one["name"] for one in found.plan.inputs if one["secret"]}
    return {
        name: getpass.getpass(f"'{name}' of {found.plan.document} (not shown): ")
        for name in found.plan.missing
        if name in secret
    }


def _object(file: str) -> dict[str, Any]:
    value = json_input(file)
    if not isinstance(value, dict):
        raise MisuseError(f"{file} is no server.json: that is a JSON object.")
    return value


def _secrets(flags: argparse.Namespace) -> dict[str, str]:
    file = flags.secrets_from
    if file == "-" and flags.file == "-":
        raise MisuseError("Standard input cannot be both the server.json and its secrets.")
    try:
        value = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text())
    except OSError as error:
        raise MisuseError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError):
        value = None  # without its cause, which holds secrets
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise MisuseError(
            """The secrets are a JSON object of texts, by name: {"X-Api-Key": "..."}."""
        )
    return value


def values_of(given: list[str]) -> dict[str, str | list[str]]:
    """Read what was given as NAME=VALUE; a name that comes again has a list.

    Raises:
        MisuseError: It is spelled otherwise.
    """
    found: dict[str, list[str]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise MisuseError(f"'{text}' gives no value. Spell it NAME=VALUE.")
        found.setdefault(name, []).append(value)
    return {name: each[0] if len(each) == 1 else each for name, each in found.items()}


def _done(found: McpImport) -> Iterator[str]:
    plan, server = found.plan, found.server
    tools = f" It has {server.tool_count} tools." if server else ""
    yield f"{_DONE[found.outcome]} '{plan.name}' ({plan.document} {plan.version}).{tools}"
    yield from plan.notes


def plan_lines(found: McpImport) -> Iterator[str]:
    """Show what would be registered."""
    plan = found.plan
    yield f"'{plan.name}' ({plan.document} {plan.version}) would be: {found.outcome}."
    yield f"  from       {plan.choose}, {plan.dialect}"
    yield f"  address    {' '.join([plan.url or '(not known yet)', *plan.arguments])}"
    for name, value in plan.headers.items():
        yield f"  header     {name}: {value}"
    for name in plan.secret_headers:
        yield f"  header     {name}: (secret)"
    yield from (f"  note       {note}" for note in plan.notes)
    if plan.inputs:
        rows = [("NAME", "STATE", "SECRET", "WHERE", "DESCRIPTION")]
        rows += [
            (
                one["name"],
                one["state"],
                "yes" if one["secret"] else "",
                one["where"],
                one["description"],
            )
            for one in plan.inputs
        ]
        yield from columns(rows)
