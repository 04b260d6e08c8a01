"""Makes a program and its input smaller while something about them stays true."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias, TypeVar

Candidate: TypeAlias = tuple[str, Any]
T = TypeVar("T")

TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[$.]?\w+|\s+|\?//=?|[-+*/%|=!<>/]=|//=?|.', re.DOTALL)
_OPEN: Final = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_CHUNK: Final = 200
# What one failure may cost: about ten seconds.
_TRIES: Final = 6_000


def shrunk(
    found: T,
    candidate: Callable[[T], Candidate],
    still: Callable[[Sequence[Candidate]], Iterable[T]],
) -> T:
    """Return the smallest that `still` keeps: it gets candidates and returns the good ones."""
    tries = 0
    smaller = _smaller(*candidate(found))
    while tries < _TRIES:
        chunk = [each for each, _ in zip(smaller, range(_CHUNK), strict=False)]
        if not chunk:
            break
        tries += len(chunk)
        better = next(iter(still(chunk)), None)
        if better is not None:
            found = better
            smaller = _smaller(*candidate(found))
    return found


def _smaller(program: str, value: Any) -> Iterator[Candidate]:
    yield from ((program, part) for part in _parts(value))
    tokens = [token for token in TOKEN.findall(program) if not token.isspace()]
    ranges = list(_balanced(tokens))
    shorter = {" ".join(tokens[start:end]) for start, end in ranges}
    for start, end in ranges:
        for put in ([], ["."], ["null"]):
            shorter.add(" ".join([*tokens[:start], *put, *tokens[end:]]))
        if tokens[start] in _OPEN and end - start > 1:
            shorter.add(" ".join([*tokens[:start], *tokens[start + 1 : end - 1], *tokens[end:]]))
    # Shorter ones first, but only those that are no mere change of blanks.
    length = len(" ".join(tokens))
    yield from (
        (each, value)
        for each in sorted(shorter, key=lambda text: (len(text), text))
        if each and len(each) < length
    )


def _balanced(tokens: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield ranges of tokens in which every bracket has its partner."""
    for start in range(len(tokens)):
        depth = 0
        for end in range(start, len(tokens)):
            depth += _OPEN.get(tokens[end], 0)
            if depth < 0:
                break
            if depth == 0:
                yield start, end + 1


def _parts(value: Any) -> Iterator[Any]:
    """Yield simpler values: nothing, its parts, itself without one of them."""
    if value is not None:
        yield None
    if isinstance(value, list):
        yield from value
        yield from (value[:place] + value[place + 1 :] for place in range(len(value)))
    if isinstance(value, dict):
        yield from value.values()
        yield from ({k: v for k, v in value.items() if k != key} for key in value)
