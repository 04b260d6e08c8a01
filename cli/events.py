"""`millwright events`: what the broker did not take, of all tenants. For whoever operates it."""

import argparse
import json
from typing import Final

from cli.tables import columns
from foundation.database import Database
from foundation.settings import Settings
from workflows.events.outbox import Outbox
from workflows.events.outgoing import Stuck

SHOWN: Final = 1_000


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    database = Database(Settings().database)
    try:
        outbox = Outbox(database)
        if flags.verb == "again":
            _tell_again(outbox.again(), as_json=flags.json)
        else:
            _tell(outbox.set_aside(SHOWN), as_json=flags.json)
    finally:
        database.close()
    return 0


def _tell_again(count: int, *, as_json: bool) -> None:
    print(json.dumps({"again": count}) if as_json else f"{count} events are sent anew.")


def _tell(stuck: list[Stuck], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([each._asdict() for each in stuck], default=str))
    elif not stuck:
        print("Nothing was set aside.")
    else:
        rows = [("TENANT", "TYPE", "SOURCE", "ID", "WHY")]
        rows += [
            (each.tenant_id, each.type, each.source, each.id, each.why or "") for each in stuck
        ]
        print("\n".join(columns(rows)))
