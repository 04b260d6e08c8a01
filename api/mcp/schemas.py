"""Parameters of the MCP routes. Bodies in and out are those of `toolhub.schemas`."""

import re
from typing import Annotated, Final

from fastapi import Header, Path, Query
from pydantic import AwareDatetime, BeforeValidator

from toolhub.calls.schemas import CallStatus

PageSize = Annotated[int, Query(ge=1, description="Items of a page; 200 at most.")]
PageToken = Annotated[
    str | None, Query(max_length=4096, description="`next_page_token` of the page before.")
]
ServerName = Annotated[str, Path(max_length=63, description="Its name.", examples=["excel"])]
ToolName = Annotated[str, Path(max_length=128, examples=["read_range"])]
ServerFilter = Annotated[
    str | None, Query(max_length=63, description="Only tools of this server.", examples=["excel"])
]
ToolFilter = Annotated[str | None, Query(max_length=128, description="Only calls of this tool.")]
StatusFilter = Annotated[CallStatus | None, Query(description="Only calls that stand so.")]
InstanceFilter = Annotated[
    str | None,
    Query(
        max_length=512,
        description="Only calls of this instance.",
        examples=["press-line.defect-watch.order-4711"],
    ),
]


def _spelled(text: object) -> object:
    """Take only what is written as a time: a bare number says neither its unit nor its zone."""
    if isinstance(text, str) and not _DATE.match(text):
        raise ValueError("write it as 2026-11-28T06:00:00Z, or with +09:00")
    return text


_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]")
Time = Annotated[AwareDatetime, BeforeValidator(_spelled)]
Since = Annotated[Time | None, Query(description="Only calls that began then or later.")]
Until = Annotated[Time | None, Query(description="Only calls that began before.")]
Words = Annotated[
    str | None,
    Query(max_length=200, description="Only tools with this in their name or description."),
]
IfMatch = Annotated[
    str | None,
    Header(description="ETag of the server as you saw it; refused when it has changed since."),
]
