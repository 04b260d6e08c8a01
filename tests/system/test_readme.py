"""The README's examples, run as they stand: its definition, its client code, its Temporal code."""

import asyncio
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from deploy.local.excel_server import ExcelServer
from millwright_client import Millwright
from tests.fixtures.system import PASSWORD, System

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_nothing_in_the_readme_waits_to_be_filled_in() -> None:
    assert "@@" not in README


@pytest.fixture
def plant(client: Millwright, excel: ExcelServer) -> Millwright:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Wear"
    for row in (["Tool", "Hours"], ["die 7", 310], ["die 8", 40], ["punch 2", 205]):
        sheet.append(row)
    book.save(excel.folder / "wear.xlsx")
    client.mcp.register_server("excel", excel.url, token=excel.token)
    [definition] = blocks("yaml")
    client.workflows.publish(definition)
    return client


def test_the_client_example_prints_what_the_workflow_gives(
    plant: Millwright, system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    example, _ = blocks("python")
    code = example.replace("http://127.0.0.1:8080", system.url)
    exec(code, {"email": plant.me().email, "password": PASSWORD})  # noqa: S102 - our own README
    assert capsys.readouterr().out.splitlines()[-1] == "{'change': ['die 7', 'punch 2']}"


def test_the_temporal_example_gives_the_same(plant: Millwright, system: System) -> None:
    _, example = blocks("python")
    tenant = plant.me().tenant_id
    code = (
        example.replace("127.0.0.1:7233", system.settings.temporal.address)
        .replace('"tenant_id": "demo"', f'"tenant_id": "{tenant}"')
        .replace('id="demo/', f'id="{tenant}/')
        .replace('"millwright"', f'"{system.settings.temporal.task_queue}"')
    )
    names: dict[str, Any] = {}
    exec(f"async def main():\n{textwrap.indent(code, '    ')}\n    return output", names)  # noqa: S102
    assert asyncio.run(names["main"]()) == {"change": ["die 7", "punch 2"]}
