"""What every activity of a task answers with."""

from typing import Literal

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, from_json, to_json
from temporalio import activity

from activities.limits.types import Refused
from foundation.errors import InvalidInputError, TooLargeError
from foundation.json import JsonObject, JsonValue
from foundation.sizes import MAX_ANSWER_BYTES


class NotYet(BaseModel, frozen=True):
    """It has begun, and the answer comes later.

    Attributes:
        kind: How one gets it. `task`: the other side is asked from time to time. `question`: people
            are, and the other side is told what they say.
        handle: What to ask with.
    """

    kind: Literal["task", "question"]
    handle: JsonObject


class ActivityResult(BaseModel, frozen=True):
    """The value for the workflow, and how often the activity ran until it had it.

    Attributes:
        refused: Why nothing was done: it is not its turn.
        later: There is no value yet.
        fallback: The value is not what was asked for: what stood in for it, and why.
    """

    value: JsonValue
    attempts: int
    refused: Refused | None = None
    later: NotYet | None = None
    fallback: JsonObject | None = None


def result_of(value: JsonValue) -> ActivityResult:
    """Wrap what an activity got, if a run can hold it.

    Raises:
        TooLargeError: When it is larger than one value may be.
        InvalidInputError: When it is no JSON that others can read.
    """
    try:
        text = to_json(value)
        from_json(text, allow_inf_nan=False)
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"The answer cannot be kept: {error}.") from None
    if len(text) > MAX_ANSWER_BYTES:
        raise TooLargeError(
            f"The answer takes {len(text):,} bytes; {MAX_ANSWER_BYTES:,} are allowed. Ask for less."
        )
    return ActivityResult.model_construct(value=value, attempts=activity.info().attempt)
