"""Looking through large answers beside the event loop, so that other calls go on meanwhile."""

from collections.abc import Callable
from typing import Final, TypeVar

from anyio import to_thread

from foundation.json import JsonValue

T = TypeVar("T")

# What takes about a millisecond to look through once; to ask a thread takes a tenth of that.
_SPOTS: Final = 5_000
LARGE: Final = 256 * 1024


async def apart(value: JsonValue, work: Callable[[], T]) -> T:
    """Do work that looks through a value: at once if it is small, else in a thread."""
    return work() if is_small(value) else await to_thread.run_sync(work)


def is_small(value: JsonValue) -> bool:
    """Tell whether a value is looked through at once; no longer than that takes."""
    spots, letters, waiting = 0, 0, [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                letters += len(text)
            case dict() as members:
                spots += len(members)
                letters += sum(map(len, members)) if spots <= _SPOTS else 0
                waiting += members.values() if spots <= _SPOTS else ()
            case list() as items:
                spots += len(items)
                waiting += items if spots <= _SPOTS else ()
            case _:
                pass
        if spots > _SPOTS or letters > LARGE:
            return False
    return True
