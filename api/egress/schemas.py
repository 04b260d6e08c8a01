"""Bodies of the egress routes. What is shown is `security.egress.schemas`."""

from typing import Annotated

from fastapi import Header
from pydantic import BaseModel, Field

from security.egress.rules import MAX_CHARS
from security.egress.schemas import MAX_RULES

RuleText = Annotated[
    str, Field(min_length=1, max_length=MAX_CHARS, examples=["https://*.plant.example:8443"])
]
IfMatch = Annotated[
    str | None,
    Header(description="ETag of the rules as you saw them; refused when they have changed since."),
]


class EgressRequest(BaseModel, extra="forbid", frozen=True):
    """The rules from now on. A rule is a host, perhaps with a scheme before it and a port after it.

    `*.plant.example` is every host below `plant.example`, `*` is every host.
    """

    allow: list[RuleText] = Field(
        max_length=MAX_RULES, description="Nothing but these may be asked; empty: everything."
    )
    deny: list[RuleText] = Field(
        max_length=MAX_RULES, description="None of these may be asked, whatever is allowed."
    )


class EgressQuestion(BaseModel, extra="forbid", frozen=True):
    """Whether requests go somewhere."""

    url: str = Field(
        min_length=1,
        max_length=2000,
        description="An address; for what is not HTTP scheme, host and port.",
        examples=["https://mes.plant.example/orders", "mqtts://broker.plant.example:8883"],
    )
