import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from foundation.database import Database
from foundation.settings import StdioCommand, StdioSettings
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.toolhub.stdio.conftest import ODD
from toolhub.importing.types import ImportRequest
from toolhub.wiring import ToolhubParts

DOCUMENTS = Path(__file__).with_name("documents")
Importing: TypeAlias = Callable[..., Any]


def document(name: str) -> dict[str, Any]:
    """Return one of the documents."""
    found: dict[str, Any] = json.loads((DOCUMENTS / f"{name}.json").read_text())
    return found


@pytest.fixture
async def parts(
    database: Database, sealer: Sealer, egress: Egress, tmp_path: Path
) -> AsyncIterator[ToolhubParts]:
    clock = StdioCommand(
        argv=[sys.executable, str(ODD), str(tmp_path)],
        tenants=["press"],
        arguments=["--[a-z=]+", "[a-z]+"],
        environment={"UNIT": "mm"},
        packages=["pypi:clock-server@0.9.0"],
    )
    settings = StdioSettings(commands={"clock-9": clock})
    made = build_toolhub(database, sealer, egress, stdio=settings)
    yield made
    await made.aclose()


@pytest.fixture
def importing(parts: ToolhubParts) -> Importing:
    """Imports a document for the tenant 'press'."""

    async def run(given: dict[str, Any], *, may_programs: bool = True, **more: Any) -> Any:
        request = ImportRequest.model_validate({"document": given, **more})
        return await parts.imports.run("press", request, may_programs=may_programs)

    return run
