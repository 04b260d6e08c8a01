"""`millwright migrate`: the database schema of an installation."""

import argparse
import json

from deploy.database.migrate import current, head, upgrade
from foundation.settings import Settings

OK, FAILED = 0, 1


def run(flags: argparse.Namespace) -> int:
    """Upgrade, or only look."""
    settings = Settings()
    before = current(settings.database)
    after = before if flags.check else upgrade(settings.database)
    up_to_date = after == head()
    if flags.json:
        print(json.dumps({"before": before, "after": after, "up_to_date": up_to_date}))
    else:
        print(_sentence(before, after, up_to_date=up_to_date))
    return OK if up_to_date else FAILED


def _sentence(before: str | None, after: str | None, *, up_to_date: bool) -> str:
    if not up_to_date:
        at = before or "nothing"
        return f"The database is at {at}; this release needs {head()}. Run: millwright migrate"
    if before == after:
        return f"The database is up to date ({after})."
    return f"The database went from {before or 'empty'} to {after}."
