"""Small definitions, and short ways to say what was found in them."""

from textwrap import dedent, indent

from workflows.definition import Finding, validate

HEAD = "document: { dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }\n"


def with_tasks(tasks: str, *, more: str = "") -> str:
    """Return a definition with these tasks and further members."""
    return f"{HEAD}{dedent(more)}do:\n{indent(dedent(tasks).strip(), '  ')}\n"


def errors(text: str | bytes) -> list[Finding]:
    return [each for each in validate(text) if each.is_error]


def codes(text: str | bytes) -> list[str]:
    return [each.code for each in validate(text)]


def only(text: str | bytes) -> Finding:
    """Return the one finding there must be."""
    found = validate(text)
    assert len(found) == 1, found
    return found[0]
