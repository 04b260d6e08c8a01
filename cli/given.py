"""Reads what a command line names: an input, a definition, a workflow."""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from cli.failures import MisuseError


class Named(NamedTuple):
    """A workflow as it is spelled on a command line: `namespace/name@version`."""

    namespace: str
    name: str | None
    version: str | None


def named(text: str) -> Named:
    """Read `namespace`, `namespace/name` or `namespace/name@version`.

    Raises:
        MisuseError: When it is spelled otherwise.
    """
    path, at, version = text.partition("@")
    namespace, slash, name = path.partition("/")
    if not namespace or "/" in name or (slash and not name) or (at and not (name and version)):
        raise MisuseError(
            f"'{text}' names no workflow. Spell it namespace/name, or namespace/name@version."
        )
    return Named(namespace, name or None, version or None)


def json_input(text: str) -> Any:
    """Read an input: JSON itself, the name of a file, or `-` for standard input.

    Raises:
        MisuseError: When it is none of them.
    """
    if text == "-":
        return _parsed(content("-"), "Standard input")
    try:
        return _parsed(text.encode(), "The input")
    except MisuseError:
        if not Path(text).is_file():
            raise MisuseError(
                f"The input is neither JSON nor a file: {text!r:.80}. Quote it for the shell, for "
                """example --input '{"line": 7}', or name a file."""
            ) from None
    return _parsed(content(text), text)


def content(file: str) -> bytes:
    """Read a file, or standard input when it is called `-`.

    Raises:
        MisuseError: When it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise MisuseError(f"{file} cannot be read: {error.strerror}.") from error


def _parsed(raw: bytes, what: str) -> Any:
    try:
        value = json.loads(raw)
        # NaN and halves of characters are read, and could not be sent.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise MisuseError(f"{what} is no JSON: {error}.") from None
    return value
