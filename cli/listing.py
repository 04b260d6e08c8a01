"""Listings of the commands: as many as asked for, as a table or JSON."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from cli.failures import MisuseError
from cli.following import OK, print_json, say

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def require_limit(flags: argparse.Namespace) -> None:
    """Refuse to list nothing.

    Raises:
        MisuseError: When that was asked for.
    """
    if flags.limit < 1:
        raise MisuseError("--limit is 1 or more.")


def print_listing(
    flags: argparse.Namespace,
    things: Iterator[T],
    table: Callable[[list[T]], Iterable[str]],
    *,
    none: str,
) -> int:
    """Print the first things, up to the limit; `none` is said when there are none."""
    found = list(islice(things, flags.limit + 1))
    more, found = found[flags.limit :], found[: flags.limit]
    if flags.json:
        print_json([asdict(each) for each in found])
        return OK
    if not found:
        say(none)
        return OK
    print("\n".join(table(found)))
    if more:
        say(f"There are more than {flags.limit}: ask with --limit, or narrow the listing.")
    return OK
