"""What the documentation shows is true."""

import re
from pathlib import Path

import pytest

from workflows.definition import Code, validate
from workflows.definition.reference import PAGE, SENSE, SHAPE, TEXT, findings_page

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```ya?ml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
EXAMPLES = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, text in enumerate(BLOCK.findall(page.read_text()))
    if text.startswith("document:")
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_definition_in_the_documentation_can_be_published(text: str) -> None:
    # What is elsewhere is fetched when it is published.
    assert {each.code for each in validate(text)} <= {Code.NOT_FETCHED}


def test_the_page_on_definitions_shows_definitions() -> None:
    page = ROOT / "docs/how-to/write-a-definition.md"
    assert len(BLOCK.findall(page.read_text())) >= 5


def test_every_code_is_explained_once() -> None:
    explained = [*TEXT, *SHAPE, *SENSE]
    assert sorted(explained) == sorted(Code)


def test_the_page_of_findings_is_the_one_the_code_makes() -> None:
    assert PAGE.read_text() == findings_page(), "Run: python -m workflows.definition.reference"


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda p: p.stem)
def test_our_own_examples_can_be_published(path: Path) -> None:
    assert validate(path.read_bytes()) == []
