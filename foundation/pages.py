"""Pages of lists that are ordered by names: where one ends, the next begins."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from foundation.errors import InvalidInputError

DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 200
_MAX_TOKEN_CHARS: Final = 1024

Row = TypeVar("Row")


@dataclass(frozen=True)
class NamePage:
    """Which page: how many rows, after which names."""

    limit: int
    after: tuple[str, ...]

    @classmethod
    def of(cls, page_size: int | None, page_token: str | None, *, parts: int) -> "NamePage":
        """Read what a caller asked for; more than 200 rows become 200.

        Args:
            parts: How many names the order has.

        Raises:
            InvalidInputError: When the token is none of ours.
        """
        limit = min(max(page_size or DEFAULT_PAGE, 1), LARGEST_PAGE)
        return cls(limit, _opened(page_token, parts) if page_token else ("",) * parts)


def page_of(
    rows: Sequence[Row], page: NamePage, names: Callable[[Row], tuple[str, ...]]
) -> tuple[Sequence[Row], str | None]:
    """Split one row more than the page has into the page and the token of the next one."""
    items = rows[: page.limit]
    token = _sealed(names(items[-1])) if len(rows) > page.limit else None
    return items, token


def _sealed(names: tuple[str, ...]) -> str:
    text = json.dumps(names, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _opened(token: str, parts: int) -> tuple[str, ...]:
    try:
        raw = token[:_MAX_TOKEN_CHARS]
        names = json.loads(base64.b64decode(raw + "=" * (-len(raw) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        names = None
    if (
        not isinstance(names, list)
        or len(names) != parts
        or not all(isinstance(name, str) and name.isprintable() for name in names)
    ):
        raise InvalidInputError(
            "The page_token is none that this list gave. Use next_page_token of the page before, "
            "or leave it out to begin again."
        )
    return tuple(names)
