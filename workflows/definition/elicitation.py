"""Whom a tool may ask, as `call: mcp.tool` says it; in the spelling of approvals."""

from typing import Annotated

from pydantic import Field

from workflows.definition.approval import CandidateArguments
from workflows.definition.arguments import Arguments, Computed
from workflows.definition.models.base import Given
from workflows.definition.notify import Window


class ElicitationTimeoutArguments(Arguments):
    """How long people have; what the tool is told then is that nobody has answered."""

    after: Window


class ElicitationArguments(Arguments):
    """Who answers what a tool asks.

    Attributes:
        ask: Nobody is asked when it is false, and the server is not told that anybody could be.
        candidates: All who may decide approvals, when left out.
    """

    ask: bool = True
    candidates: Given[Computed[CandidateArguments]] = None
    allow_requester: bool = True
    timeout: Given[ElicitationTimeoutArguments] = None
    notify: Given[Annotated[str, Field(min_length=1)]] = None
