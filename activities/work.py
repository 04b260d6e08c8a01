"""What stands around the work of every activity: open its secrets, report, translate errors.

Everything that comes back, results and errors alike, passes a mask: a server that repeats a
credential in its answer must not write it into the history of the run.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from activities.faults import translated
from activities.heartbeat import Beat, beating
from activities.limits.admission import refuse_uncounted
from activities.requests import Request, Sealed
from activities.types import ActivityResult, result_of
from foundation.apart import apart
from foundation.errors import InvalidInputError
from foundation.json import JsonObject, JsonValue
from security.mask import Mask

R = TypeVar("R", bound=Request)


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


@dataclass(slots=True)
class Work(Generic[R]):
    """The work of one attempt.

    Attributes:
        request: With everything that was sealed.
    """

    request: R
    beat: Beat
    mask: Mask

    async def result(self, value: JsonValue) -> ActivityResult:
        """Wrap what came back; if it is large, in a thread: reports leave meanwhile.

        Raises:
            TooLargeError: When it is larger than one value may be.
            InvalidInputError: When it is no JSON that others can read.
        """
        return await apart(value, partial(self._result, value))

    def _result(self, value: JsonValue) -> ActivityResult:
        # Measured first: to look for secrets in what is refused anyway takes far longer.
        result = result_of(value)
        return result if self.mask.is_empty else result_of(self.mask.value(value))

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
