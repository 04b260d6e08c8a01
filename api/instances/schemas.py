"""Bodies of the instance routes. What comes out is `workflows.instances.types`."""

from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import BaseModel, Field

from foundation.json import JsonValue
from workflows.runs.names import KEY, LABEL

# Of a definition; the language has semantic versions.
Version = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z.+-]+$", examples=["1.0.0"])
]
Namespace = Annotated[str, Path(pattern=f"^{LABEL}$", examples=["press-line"])]
Name = Annotated[str, Path(pattern=f"^{LABEL}$", examples=["defect-watch"])]
InstanceId = Annotated[str, Path(max_length=512, examples=["press-line.defect-watch.order-4711"])]
PageSize = Annotated[int, Query(ge=1, description="Items of a page; 200 at most.")]
PageToken = Annotated[
    str | None, Query(max_length=4096, description="`next_page_token` of the page before.")
]
# Of the search attributes that definitions give their instances.
SearchText = Annotated[str, Field(min_length=3, max_length=255)]

KEY_PATTERN: Final = f"^{KEY}$"
LABEL_PATTERN: Final = f"^{LABEL}$"


class StartRequest(BaseModel, extra="forbid", frozen=True):
    """What to start a run with."""

    input: JsonValue = Field(default=None, description="Input of the workflow, 1 MiB at most.")
    version: Version | None = Field(
        default=None, description="Version of the definition; the newest one when left out."
    )


class RetryRequest(BaseModel, extra="forbid", frozen=True):
    """How a failed instance goes on."""

    input: JsonValue = Field(
        default=None, description="What the failed task gets instead of its input, when given."
    )
    preview: bool = Field(default=False, description="Only tell what would be done again.")


class RerunRequest(RetryRequest, extra="forbid", frozen=True):
    """With which task an ended instance goes on."""

    execution: str = Field(
        min_length=1, max_length=2_000, examples=["/do/1/loop#3/do/0/read", "/do/2/judge"]
    )
    version: Version | None = Field(
        default=None,
        description="Version of the definition to go on with; the one it had when left out.",
    )


class TerminateRequest(BaseModel, extra="forbid", frozen=True):
    """Why a run is stopped at once."""

    reason: str = Field(default="Terminated over the API.", min_length=1, max_length=1000)
