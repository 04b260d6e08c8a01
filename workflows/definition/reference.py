"""The page `docs/reference/findings.md`, made of the table in this module.

Run `python -m workflows.definition.reference` after changing the table; a test compares.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from workflows.definition.durations import MAX_SECONDS
from workflows.definition.findings import MAX_FINDINGS, WARNINGS, Code
from workflows.definition.loader import MAX_BYTES
from workflows.definition.schemas import MAX_SCHEMA_BYTES
from workflows.definition.syntax.tree import MAX_DEPTH, MAX_KEY_CHARS
from workflows.definition.syntax.yaml_reader import MAX_ALIASES

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "findings.md"


class Meaning(NamedTuple):
    """What a code says, and what its author can do."""

    means: str
    do: str


TEXT: Final[Mapping[Code, Meaning]] = {
    Code.SYNTAX: Meaning("The text is neither YAML 1.2 nor JSON.", "Mend the line."),
    Code.ENCODING: Meaning("The text is not UTF-8.", "Save it as UTF-8."),
    Code.CONTROL_CHARACTER: Meaning(
        "An invisible character, NUL, or half of a surrogate pair.",
        "Remove it; in double quotes most can be escaped.",
    ),
    Code.EMPTY: Meaning("There is nothing but comments.", "Begin with `document:`."),
    Code.TOO_LARGE: Meaning(
        f"More than {MAX_BYTES // 1024} KiB, or 1,048,576 characters with all aliases written out.",
        "Pass data as input, or split the workflow.",
    ),
    Code.TOO_DEEP: Meaning(f"More than {MAX_DEPTH} levels.", "Make it flatter."),
    Code.ALIAS: Meaning(
        f"An alias without anchor, inside its own anchor, or more than {MAX_ALIASES} of them.",
        "Write it out.",
    ),
    Code.MULTIPLE_DOCUMENTS: Meaning(
        "A second document after `---`.", "Publish one definition at a time."
    ),
    Code.DUPLICATE_KEY: Meaning("One key stands twice in an object.", "Remove or rename one."),
    Code.MERGE_KEY: Meaning("`<<` is not part of YAML 1.2.", "Write the members out."),
    Code.CUSTOM_TAG: Meaning("A tag such as `!secret`.", "Remove it."),
    Code.KEY: Meaning(
        f"A key that is not text, or has more than {MAX_KEY_CHARS:,} characters.",
        "Put it in quotes, or shorten it.",
    ),
    Code.NUMBER: Meaning(
        "Infinity, NaN, or an integer beyond 64 bits.", "Use null, or put it in quotes."
    ),
}
SHAPE: Final[Mapping[Code, Meaning]] = {
    Code.MISSING_KEY: Meaning("Something that must be there is not.", "Add it."),
    Code.UNKNOWN_KEY: Meaning(
        "The language has no such key here; often a typing error.", "Correct or remove it."
    ),
    Code.WRONG_TYPE: Meaning("A number where text must be, and the like.", "Change the value."),
    Code.WRONG_VALUE: Meaning("The type is right, the value is not.", "Change the value."),
    Code.TASK_KIND: Meaning(
        "A task says nothing that it does, or several things.",
        "Give it exactly one of `call`, `do`, `emit`, `for`, `fork`, `raise`, `set`, `switch`, "
        "`try`, `wait`.",
    ),
    Code.DSL_VERSION: Meaning("`document.dsl` is not 1.0.x.", "Use `1.0.3`."),
    Code.RESERVED_NAME: Meaning(
        "A name that means something already: a task called `end`, a variable called `input`, the "
        "namespace `instances`.",
        "Choose another one.",
    ),
    Code.DURATION: Meaning(
        f"Not a duration, negative, over {MAX_SECONDS // (366 * 86_400)} years, or with months or "
        "years, whose length varies.",
        "Write `PT30S`, `P1D` or `{minutes: 5}`.",
    ),
    Code.URI: Meaning(
        "Not a URI, or one that cannot be called: only http and https, only names in braces. Or an "
        "expression within its text, which the language does not have.",
        'Correct it, or build all of it with one expression: `${ "https://example.com/\\(.id)" }`.',
    ),
}
SENSE: Final[Mapping[Code, Meaning]] = {
    Code.DUPLICATE_NAME: Meaning("Two tasks of one list have one name.", "Rename one."),
    Code.UNKNOWN_TARGET: Meaning(
        "`then` names a task that is not in the same list.",
        "Name one that is, or say `continue`, `exit` or `end`.",
    ),
    Code.UNREACHABLE_TASK: Meaning(
        "Nothing leads to a task, so it is never executed.",
        "Remove it, or let a `then` name it.",
    ),
    Code.ENDLESS_LOOP: Meaning(
        "Tasks lead back to themselves without condition and without waiting, or instances are "
        "woken by what they tell of themselves (`lifecycleEvents`).",
        "Add a `switch` or an `if` that leaves the loop; let another definition listen.",
    ),
    Code.EXPRESSION_LANGUAGE: Meaning("`evaluate.language` is not jq.", "Use jq."),
    Code.EXPRESSION_SYNTAX: Meaning(
        "An expression does not parse, has no end, or uses what a durable workflow cannot have "
        "(`$ENV`, `import`).",
        'Correct it. For `${` as text write `${ "${" }`.',
    ),
    Code.UNKNOWN_VARIABLE: Meaning(
        "An expression reads a variable that is not there.", "Correct the name, or use `.`."
    ),
    Code.UNKNOWN_PATH: Meaning(
        "An expression reads what the schema of the input excludes, so it is never there.",
        "Correct the path, or add the member to the schema.",
    ),
    Code.UNKNOWN_FUNCTION: Meaning(
        "`call`, or an expression, names no function there is, or one that a durable workflow "
        "cannot have (`now`, `env`).",
        "Declare it in `use.functions`, publish it in a catalogue, or correct the name.",
    ),
    Code.FUNCTION_ARGUMENTS: Meaning("`with` is not what the function takes.", "Correct it."),
    Code.RECURSIVE_FUNCTION: Meaning("A function calls itself.", "Use a loop."),
    Code.UNKNOWN_REFERENCE: Meaning(
        "A name that `use` does not declare.", "Declare it, or correct the name."
    ),
    Code.INVALID_SCHEMA: Meaning(
        f"Not a JSON Schema, over {MAX_SCHEMA_BYTES // 1024} KiB, with references to other "
        "documents, with patterns that need more than linear time, or too costly to check.",
        "Correct it.",
    ),
    Code.CRON: Meaning(
        "`schedule.cron` is no cron expression.",
        "Five fields: minute, hour, day of month, month, day of week; or `@daily` and the like.",
    ),
    Code.SCHEDULED_INPUT: Meaning(
        "The schema of the input does not allow what the `schedule` gives: nothing (null), or with "
        "`on` an array of events.",
        "Change the schema, or start it otherwise.",
    ),
    Code.LITERAL_SECRET: Meaning(
        "A password, token or key is written out; everybody who may read the workflow could read "
        "it.",
        "Store it as a secret and read it with `$secrets`, or register an MCP server, which keeps "
        "its credential encrypted.",
    ),
    Code.SECRET_FLOW: Meaning(
        "A secret (`$secrets`, `$authorization`) flows into something that the history of the run "
        "keeps and others can read.",
        "Use it in the arguments of a call (`with`) or in an authentication only.",
    ),
    Code.NOT_SUPPORTED_YET: Meaning(
        "The language has it, and this version does not execute it.", "Use something else."
    ),
    Code.NOT_ENABLED: Meaning(
        "The tenant may not use this; found when it is published and when the API checks it.",
        "An administrator enables it: `PUT /api/v1/tenant/features/<name>`, or "
        "`millwright features enable <name>`.",
    ),
    Code.NOT_FETCHED: Meaning(
        "A function of a catalogue, or a schema, is elsewhere. It is fetched and judged when the "
        "workflow is published, once nothing else is wrong.",
        "Publish it, or let the API check it with the permission to publish.",
    ),
    Code.ELSEWHERE: Meaning(
        "A function or schema from elsewhere cannot be fetched, or takes from the workflow that "
        "uses it what it would have to bring itself.",
        "Correct the address or the login; or mend the function and publish its next version.",
    ),
    Code.NOT_EVALUATED: Meaning(
        "A text looks like an expression and is taken as it stands.",
        "Write `${ ... }` around what you mean the value of: `Line ${ .line }`.",
    ),
}
_INTRODUCTION: Final = f"""\
# Findings

What `POST /api/v1/workflows` and `POST /api/v1/workflows/validate` say about a definition. All
findings come together, the first {MAX_FINDINGS} in the order of the text:

```json
{{"code": "unknown-target", "severity": "error", "pointer": "/do/0/read/then", "line": 8,
 "column": 7, "message": "There is no task called 'jugde' in this list. ... Did you mean 'judge'?"}}
```

`pointer` is a JSON pointer into the definition; `line` and `column` count from 1, in the text as it
was sent. Codes are stable: they are never renamed. A `warning` does not keep a definition from
being published; every other finding does. A part that cannot be read is left out when the rest is
judged, so mending it may bring up more.

This page is made of `workflows/definition/reference.py` by
`python -m workflows.definition.reference`.
"""


def findings_page() -> str:
    """Write the page."""
    sections = (("The text", TEXT), ("The shape", SHAPE), ("What it means", SENSE))
    return "\n".join((_INTRODUCTION, *(line for each in sections for line in _section(*each))))


def _section(title: str, table: Mapping[Code, Meaning]) -> list[str]:
    rows = [
        f"| `{code}` | {_severity(code)} | {meaning.means} | {meaning.do} |"
        for code, meaning in table.items()
    ]
    return [f"## {title}", "", "| code | severity | means | do |", "|---|---|---|---|", *rows, ""]


def _severity(code: Code) -> str:
    return "warning" if code in WARNINGS else "error"


if __name__ == "__main__":
    PAGE.write_text(findings_page())
