"""What an expression means, by version: every instance pins the one it was started with.

A change after which some expression may give another value, or run out of fuel at another place, is
a new version; the old one stays as long as instances may be pinned to it. Both run side by side in
one worker.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workflows.expressions.meter import FUEL


class UnknownVersionError(LookupError):
    """No such version of the expression language is known to this worker."""


@dataclass(frozen=True)
class Version:
    """One meaning of all expressions.

    Attributes:
        name: What instances pin.
        fuel: Steps that one evaluation may take.
        replaced: Builtins that mean something else than in the newest version, by name and number
            of arguments: what compiles a call of them.
    """

    name: str
    fuel: int = FUEL
    replaced: Mapping[tuple[str, int], Callable[..., Any]] = field(
        default_factory=dict, compare=False
    )


CURRENT: Final = Version("jq-1")
VERSIONS: Final[dict[str, Version]] = {CURRENT.name: CURRENT}


def version_named(name: str) -> Version:
    """Return a version.

    Raises:
        UnknownVersionError: When there is none of that name.
    """
    try:
        return VERSIONS[name]
    except KeyError:
        known = ", ".join(VERSIONS)
        raise UnknownVersionError(
            f"There is no version '{name}' of the expression language. Known: {known}."
        ) from None
