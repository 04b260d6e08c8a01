"""Parameters of the MCP routes. Bodies in and out are those of `toolhub.schemas`."""

from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import AwareDatetime

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
Since = Annotated[AwareDatetime | None, Query(description="Only calls that began then or later.")]
Until = Annotated[AwareDatetime | None, Query(description="Only calls that began before.")]
Words = Annotated[
    str | None,
    Query(max_length=200, description="Only tools with this in their name or description."),
]
IfMatch = Annotated[
    str | None,
    Header(description="ETag of the server as you saw it; refused when it has changed since."),
]
