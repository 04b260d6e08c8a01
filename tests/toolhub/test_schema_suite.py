"""What validators have to agree on, through the checks of arguments and of results."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from foundation.schema_cost import SchemaRefusedError
from foundation.schemas import SchemaDocument, compiled
from foundation.settings import McpSettings
from tests.fixtures.json_schema_suite import SHARED, Group, declared, groups
from toolhub.answers import check_output
from toolhub.directory import Entry
from toolhub.errors import ToolInputError, ToolOutputError
from toolhub.guard import Guarded
from toolhub.hub import check_input
from toolhub.schemas import Dialect, ToolResult
from toolhub.wire.exchange import Destination

DOC = Path(__file__).parents[2] / "docs" / "reference" / "tool-schemas.md"
DIALECTS = {
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
}
# Why a schema is refused, as the message says it, and what has to be in the schema then.
REASONS: dict[str, tuple[str, str]] = {
    "an address": (r"^it refers to '[^#]", r'"\$(ref|dynamicRef)"'),
    "an anchor": (r"^it refers to '#[^/']", r'"\$anchor"|"\$id": "#|"\$dynamicAnchor"'),
    "an `$id` inside": (r"^a part of it has its own '\$id'", r'"\$id"'),
    "a dynamic reference": (r"^it uses a dynamic reference", r'"\$(dynamicRef|recursiveRef)"'),
    "a dialect of its own": (r"^it is not valid: Unknown meta-schema", r'"\$schema"'),
}


def entry_of(schema: SchemaDocument) -> Entry:
    tool = compiled(schema)
    return Entry(
        to=Destination(tenant_id="press", label="line", endpoint="http://127.0.0.1:1/mcp"),
        guarded=Guarded("press", "1", "line", McpSettings()),
        dialect=Dialect.MCP,
        tool="t",
        sha256="",
        timeout_s=1,
        input=tool,
        output=tool,
        repeatable=False,
    )


def passes(error: type[Exception], check: Callable[..., None], *given: Any) -> bool:
    try:
        check(*given)
    except error:
        return False
    return True


def judged(group: Group, entry: Entry) -> Iterator[tuple[bool, bool, bool]]:
    """Return what the suite says, and what the checks of arguments and of results say."""
    for value, valid in group.cases:
        result = ToolResult(value, [], value, is_structured=True)
        yield (
            valid,
            passes(ToolInputError, check_input, entry, value),
            passes(ToolOutputError, check_output, entry, result),
        )


def reason_of(group: Group, message: str) -> str:
    """Return why a schema is refused; fails when it has nothing for which it may be."""
    for reason, (said, there) in REASONS.items():
        if re.search(said, message) and re.search(there, json_of(group)):
            return reason
    raise AssertionError(f"{group.label}: {message}")


def json_of(group: Group) -> str:
    return repr(group.schema).replace("'", '"')


@pytest.mark.parametrize("draft", DIALECTS)
def test_every_case_is_judged_as_the_suite_says_or_its_schema_is_refused_by_name(
    draft: str,
) -> None:
    agreed, wrong, refused = 0, list[str](), Counter[str]()
    for group in groups(draft):
        try:
            entry = entry_of(declared(group.schema, DIALECTS[draft]))
        except SchemaRefusedError as error:
            refused[reason_of(group, str(error))] += len(group.cases)
            continue
        for verdicts in judged(group, entry):
            agreed += len(set(verdicts)) == 1
            wrong += [group.label] if len(set(verdicts)) > 1 else []
    assert wrong == []
    assert agreed > 850
    if SHARED.exists():
        # The page has the figures of that state of the suite.
        counts = [agreed + refused.total(), agreed, *(refused[reason] for reason in REASONS)]
        row = " | ".join([draft, *(f"{count:,}" for count in counts)])
        assert f"| {row} |" in DOC.read_text(encoding="utf-8")
