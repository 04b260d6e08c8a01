"""`millwright blobs sweep`: delete what no run needs any more. Made for a daily job."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from foundation.blobs import open_store
from foundation.settings import Settings
from foundation.temporal import connect
from workflows.runs.sweeping import Swept, sweep

OK, FAILED = 0, 1


def run(flags: argparse.Namespace) -> int:
    """Sweep once; say what went."""
    swept = asyncio.run(_sweep(Settings()))
    status = FAILED if any(each.kept for each in swept) else OK
    if flags.json:
        print(json.dumps([asdict(each) for each in swept]))
        return status
    for each in swept:
        print(f"{each.tenant_id}: {each.blobs} blobs deleted")
        if each.blocked_by:
            print(f"  The rest is as old as the run '{each.blocked_by}'.", file=sys.stderr)
        if each.kept:
            print(f"  {each.kept}", file=sys.stderr)
    if not swept:
        print("Nothing is old enough to be deleted.")
    return status


async def _sweep(settings: Settings) -> list[Swept]:
    store = open_store(settings.blobs)
    try:
        client = await connect(settings.temporal, blobs=store)
        return await sweep(store, client, settings.blobs.keep_days, datetime.now(UTC).date())
    finally:
        store.close()
