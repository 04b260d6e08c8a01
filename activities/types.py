"""What every activity of a task answers with."""

from pydantic import BaseModel

from foundation.json import JsonValue


class ActivityResult(BaseModel, frozen=True):
    """The value for the workflow, and how often the activity ran until it had it."""

    value: JsonValue
    attempts: int
