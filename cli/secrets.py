"""`millwright secrets`: store, list and delete what definitions log in with elsewhere.

A value comes from a file, standard input or a prompt that shows nothing: what stands on a command
line is in the shell's history and in the list of processes.
"""

import argparse
import getpass
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cli.connection import connected
from foundation.errors import InvalidInputError
from millwright_client import Millwright, Secret

OK = 0


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    {"set": _set, "list": _list, "delete": _delete}[flags.verb](flags)
    return OK


def _set(flags: argparse.Namespace) -> None:
    if flags.value:
        raise InvalidInputError(
            "A value is not given as an argument: it would stay in the shell's history. Pipe it "
            f"in, or use --from-file: millwright secrets set {flags.name} --from-file FILE"
        )
    text = _given_text(flags)
    value = _members(flags.name, text) if flags.format == "json" else text
    if flags.format == "text" and text.lstrip().startswith("{"):
        hint = "This is stored as one text. With --format json, expressions can read its members."
        print(hint, file=sys.stderr)
    with connected(flags) as client:
        secret = client.secrets.put(flags.name, value)
    if flags.json:
        print(json.dumps(asdict(secret), default=str))
        return
    print(f"Stored the secret '{secret.name}', version {secret.version}.")
    print(f"A definition reads it as {_expression(secret.name)}, named in use.secrets.")


def _list(flags: argparse.Namespace) -> None:
    with connected(flags) as client:
        found = list(_all(client))
    if flags.json:
        print(json.dumps([asdict(secret) for secret in found], default=str))
    elif found:
        print("\n".join(_line(secret) for secret in found))
    else:
        print("There are no secrets. Store one with: millwright secrets set NAME")


def _delete(flags: argparse.Namespace) -> None:
    with connected(flags) as client:
        client.secrets.delete(flags.name)
    if flags.json:
        print(json.dumps({"name": flags.name, "deleted": True}))
    else:
        print(f"Deleted the secret '{flags.name}'.")


def _all(client: Millwright) -> Iterator[Secret]:
    token: str | None = None
    while True:
        page = client.secrets.list(page_token=token)
        yield from page.items
        token = page.next_page_token
        if token is None:
            return


def _given_text(flags: argparse.Namespace) -> str:
    """Read the value, without the line break that editors and `echo` put at the end."""
    if flags.from_file is None and sys.stdin.isatty():
        return getpass.getpass(f"Value of the secret '{flags.name}' (not shown): ")
    try:
        raw = sys.stdin.buffer.read() if flags.from_file is None else _content(flags.from_file)
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        # Without its cause, which holds the value.
        raise InvalidInputError(
            f"The value of '{flags.name}' is no UTF-8 text. Encode it first, for example with "
            "base64."
        ) from None


def _content(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror}.") from error


def _members(name: str, text: str) -> Any:
    try:
        value = json.loads(text)
        # NaN and halves of characters are read, and could not be sent.
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise InvalidInputError(
            f"The value of '{name}' is no JSON. Without --format json it is stored as one text."
        ) from None
    return value


def _expression(name: str) -> str:
    """Spell how an expression reads a secret; a name with '-' would be a subtraction."""
    return f'$secrets["{name}"]' if "-" in name else f"$secrets.{name}"


def _line(secret: Secret) -> str:
    when = secret.updated_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return f"{secret.name:<32} version {secret.version:<4} {when}"
