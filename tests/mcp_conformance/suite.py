"""The suite as it is published, run against one hub, and what it found."""

import asyncio
import json
import re
import shlex
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.fixtures.node_packages import NODE, package
from tests.mcp_conformance.client import Client, Scenario
from toolhub.wiring import ToolhubParts

PACKAGE, VERSION = "@modelcontextprotocol/conformance", "0.2.0-alpha.12"
REVISION = "2026-07-28"
RELAY = Path(__file__).with_name("relay.py")
# For each scenario; they run all at once.
SCENARIO_MS = 120_000
# The suite names the folder of a scenario after it and the time.
_TIME = re.compile(r"-\d{4}-\d\d-\d\dT[\d-]+Z$")


@dataclass(frozen=True)
class Requirements:
    """What the revision wants of clients.

    Attributes:
        scored: Scenarios that count.
        unscored: Those that are run and do not count, with the reason.
    """

    scored: list[str]
    unscored: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """The checks of one scenario, by their status."""

    checks: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.checks["SUCCESS"] > 0 and not self.failures


def requirements() -> Requirements:
    path = package(PACKAGE, VERSION) / "requirements" / f"{REVISION}.yaml"
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    unscored = [each for each in told["not_scored"] if each["leg"] == "client"]
    return Requirements(told["client"], {each["scenario"]: each["reason"] for each in unscored})


async def run_suite(parts: ToolhubParts, folder: Path) -> dict[str, Verdict]:
    """Run all scenarios of the revision; the folder gets what the suite writes."""
    address = folder / "hub"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(parts, Scenario.model_validate_json(await reader.readline()))
        try:
            await client.run()
        finally:
            writer.write("\n".join([*client.told, ""]).encode())
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_unix_server(serve, address):
        process = await asyncio.create_subprocess_exec(
            *(str(NODE), str(package(PACKAGE, VERSION) / "dist" / "index.js"), "client"),
            *("--command", shlex.join([sys.executable, str(RELAY), str(address)])),
            *("--requirements", REVISION, "--timeout", str(SCENARIO_MS)),
            *("--output-dir", str(folder / "results")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
    (folder / "output.txt").write_bytes(said)
    return _verdicts(folder / "results")


def _verdicts(results: Path) -> dict[str, Verdict]:
    found = {}
    for path in sorted(results.rglob("checks.json")):
        name = _TIME.sub("", path.parent.relative_to(results).as_posix())
        checks = json.loads(path.read_text(encoding="utf-8"))
        failed = [each for each in checks if each["status"] == "FAILURE"]
        found[name] = Verdict(
            Counter(each["status"] for each in checks),
            [f"{each['id']}: {each.get('errorMessage', each['description'])}" for each in failed],
        )
    return found
