"""What stands around the work of every activity: open its secrets, report, translate errors.

Everything that comes back, results and errors alike, passes a mask: a server that repeats a
credential in its answer must not write it into the history of the run.
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar
from urllib.parse import quote, quote_plus

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from activities.faults import translated
from activities.heartbeat import Beat, beating
from activities.limits.admission import refuse_uncounted
from activities.requests import Request, Sealed
from activities.types import ActivityResult, result_of
from foundation.errors import InvalidInputError
from foundation.json import JsonObject, JsonValue

R = TypeVar("R", bound=Request)

HIDDEN: Final = "***"
# What is shorter occurs everywhere by chance; the store of secrets takes nothing shorter.
MIN_HIDDEN_CHARS: Final = 4
# Hosts whose names are not ASCII are spelled with such a mark, and nothing can be read there.
_PUNYCODE: Final = "xn--"
_MAX_LABEL: Final = 63
_HOST: Final = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """What was sealed.

    Attributes:
        fields: By the name of the request's field.
        texts: What must not be repeated.
    """

    fields: Mapping[str, JsonValue]
    texts: Collection[str]


class Opener(Protocol):
    """Puts secrets in. Its implementation evaluates expressions, which is not for this floor."""

    async def open(self, request: Request, sealed: Sealed) -> Opened:
        """Compute the sealed fields of a request.

        Raises:
            MillwrightError: When a secret is not there, or an expression fails; without saying
                what the secret is.
        """
        ...


class Mask:
    """Hides texts, however they may be spelled."""

    def __init__(self) -> None:
        self._spellings: list[str] = []
        self._folded: set[str] = set()

    def hide(self, texts: Collection[str]) -> None:
        """Hide these, too."""
        spellings = {each for text in texts for each in _spellings(text)}
        known = spellings.union(self._spellings)
        # The longest first: one may be part of another.
        self._spellings = sorted(known, key=lambda each: (-len(each), each))
        self._folded.update(text.casefold() for text in texts if len(text) >= MIN_HIDDEN_CHARS)

    def text(self, text: str) -> str:
        """Return the text without them."""
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
        return self._without_hosts(text)

    def data(self, data: bytes) -> bytes:
        """Return data without them: in base64 they could not be found any more."""
        for spelling in self._spellings:
            data = data.replace(spelling.encode(errors="replace"), HIDDEN.encode())
        # One byte is one character here, so nothing else of them changes.
        return self._without_hosts(data.decode("latin-1")).encode("latin-1")

    def value(self, value: JsonValue) -> JsonValue:
        """Return the value without them, names of members included."""
        if not self._spellings:
            return value
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                return {self.text(name): self.value(item) for name, item in value.items()}
            case _:
                return value

    def _without_hosts(self, text: str) -> str:
        if not self._folded or _PUNYCODE not in text.lower():
            return text
        return _HOST.sub(self._host, text)

    def _host(self, found: re.Match[str]) -> str:
        """Return the name of a host as it is, unless one of the texts stands in it."""
        name = ".".join(map(_decoded, found[0].lower().split("."))).casefold()
        return HIDDEN if any(text in name for text in self._folded) else found[0]


def _spellings(text: str) -> Iterator[str]:
    if len(text) < MIN_HIDDEN_CHARS:
        return
    # The names of hosts are in small letters, whatever was written; others shout them.
    for each in (text, text.lower(), text.upper(), text.casefold()):
        yield each
        yield json.dumps(each)[1:-1]
        yield quote(each, safe="")
        yield quote_plus(each)
    encoded = base64.b64encode(text.encode(errors="replace")).decode()
    yield encoded
    yield encoded.rstrip("=")


def _decoded(label: str) -> str:
    if not label.startswith(_PUNYCODE) or len(label) > _MAX_LABEL:
        return label
    try:
        return label.removeprefix(_PUNYCODE).encode().decode("punycode")
    except UnicodeError:
        return label


@dataclass(slots=True)
class Work(Generic[R]):
    """The work of one attempt.

    Attributes:
        request: With everything that was sealed.
    """

    request: R
    beat: Beat
    mask: Mask

    def result(self, value: JsonValue) -> ActivityResult:
        """Wrap what came back.

        Raises:
            TooLargeError: When it is larger than one value may be.
            InvalidInputError: When it is no JSON that others can read.
        """
        return result_of(self.mask.value(value))

    def report(self, progress: JsonObject) -> None:
        """Tell Temporal how far it is."""
        masked = self.mask.value(progress)
        self.beat.report(masked if isinstance(masked, dict) else {})


@asynccontextmanager
async def working(opener: Opener, request: R) -> AsyncIterator[Work[R]]:
    """Surround the work of an activity."""
    mask = Mask()
    with translated(mask.text, repeats=request.repeats):
        refuse_uncounted(request)
        async with beating() as beat:
            yield Work(await _opened(opener, request, mask), beat, mask)


async def _opened(opener: Opener, request: R, mask: Mask) -> R:
    if request.sealed is None:
        return request
    opened = await opener.open(request, request.sealed)
    mask.hide(opened.texts)
    given = request.model_dump(exclude={"sealed"}, exclude_unset=True)
    try:
        return type(request).model_validate({**given, **opened.fields})
    except ValidationError as error:
        # Its text would repeat the values.
        names = sorted({_place(each) for each in error.errors() if each["loc"]})
        raise InvalidInputError(
            f"What the secrets make of {', '.join(names)} has the wrong type. Check what the "
            "definition computes there, and that each secret has the members it reads."
        ) from None


def _place(problem: ErrorDetails) -> str:
    """Say where a problem is; further inside than the field names may come from a secret."""
    if problem["type"] == "missing":
        return ".".join(map(str, problem["loc"]))
    return str(problem["loc"][0])
