"""Parameters and bodies of the secret routes. What is shown is `security.secrets.schemas`."""

from typing import Annotated

from fastapi import Header, Path
from pydantic import BaseModel, Field

from foundation.json import JsonValue
from security.secrets.schemas import NAME_PATTERN
from security.secrets.values import MIN_CHARS

SecretName = Annotated[
    str, Path(pattern=f"^{NAME_PATTERN}$", description="Its name.", examples=["erp"])
]
IfMatch = Annotated[
    str | None,
    Header(description="ETag of the secret as you saw it; refused when it has changed since."),
]


class SecretRequest(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """The value of a secret. It is stored encrypted and never shown again."""

    # What it may be is checked where it is stored: that check never repeats what it refuses.
    value: JsonValue = Field(
        repr=False,
        description=(
            f"A text, or an object of texts, at most 8 levels and 64 KiB; each text has at least "
            f"{MIN_CHARS} characters."
        ),
        examples=[{"username": "press-line", "password": "the password"}],
        json_schema_extra={
            "anyOf": [
                {"type": "string", "minLength": MIN_CHARS},
                {"type": "object", "minProperties": 1},
            ],
            "writeOnly": True,
        },
    )
