"""`millwright validate` and `millwright graph`: what a definition says, without running it."""

import argparse
import json
import sys
from pathlib import Path

from workflows.definition import InvalidDefinitionError, load_definition, prepare, validate
from workflows.definition.findings import Finding
from workflows.definition.graph import mermaid

OK, FAILED, USAGE = 0, 1, 2


def check(flags: argparse.Namespace) -> int:
    """Check definitions; fail when one of them cannot be published."""
    results = {}
    for name in flags.files:
        text = _read(name)
        if text is None:
            return USAGE
        results[name] = validate(text)
    if flags.json:
        print(
            json.dumps({name: [f.model_dump() for f in found] for name, found in results.items()})
        )
    else:
        for name, found in results.items():
            print("\n".join(_lines(name, found)))
    return FAILED if any(each.is_error for found in results.values() for each in found) else OK


def graph(flags: argparse.Namespace) -> int:
    """Draw a definition."""
    text = _read(flags.file)
    if text is None:
        return USAGE
    try:
        prepared = prepare(text)
    except InvalidDefinitionError as error:
        print("\n".join(_lines(flags.file, list(error.findings))), file=sys.stderr)
        return FAILED
    drawing = mermaid(load_definition(prepared.document))
    print(json.dumps({"mermaid": drawing}) if flags.json else drawing, end="\n" * flags.json)
    return OK


def _read(name: str) -> bytes | None:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        print(f"millwright: {name} cannot be read: {error.strerror}", file=sys.stderr)
        return None


def _lines(name: str, found: list[Finding]) -> list[str]:
    if not found:
        return [f"{name}: good"]
    return [
        f"{name}:{each.line}:{each.column}: {each.severity} [{each.code}] {each.message}"
        for each in found
    ]
