"""Typed client for the Millwright API; `AsyncMillwright` is the same for asyncio.

with Millwright.login("http://127.0.0.1:8080", "ana@plant.example", password) as client:
started = client.workflows.start("press-line", "defect-watch", input={"line": 7})
for event in client.events(started.id):
print(event)
print(client.wait(started.id).output)
"""

from millwright_client.awaiting import AsyncMillwright
from millwright_client.blocking import Millwright
from millwright_client.errors import (
    MillwrightApiError,
    MillwrightConnectionError,
    MillwrightError,
    MillwrightProtocolError,
    MillwrightTimeoutError,
)
from millwright_client.models import (
    Approval,
    ApprovalLink,
    Definition,
    DefinitionSummary,
    Ended,
    Feature,
    Finding,
    Function,
    FunctionSummary,
    Instance,
    InstanceSummary,
    Interval,
    MadeLink,
    McpBreaker,
    McpServer,
    McpTool,
    Me,
    Origin,
    Page,
    PublishedEvents,
    Repeated,
    Resumed,
    Schedule,
    ScheduledRun,
    ScheduleSummary,
    Secret,
    Started,
    TaskEvent,
    TaskRun,
    Validation,
    Vote,
)

__all__ = [
    "Approval",
    "ApprovalLink",
    "AsyncMillwright",
    "Definition",
    "DefinitionSummary",
    "Ended",
    "Feature",
    "Finding",
    "Function",
    "FunctionSummary",
    "Instance",
    "InstanceSummary",
    "Interval",
    "MadeLink",
    "McpBreaker",
    "McpServer",
    "McpTool",
    "Me",
    "Millwright",
    "MillwrightApiError",
    "MillwrightConnectionError",
    "MillwrightError",
    "MillwrightProtocolError",
    "MillwrightTimeoutError",
    "Origin",
    "Page",
    "PublishedEvents",
    "Repeated",
    "Resumed",
    "Schedule",
    "ScheduleSummary",
    "ScheduledRun",
    "Secret",
    "Started",
    "TaskEvent",
    "TaskRun",
    "Validation",
    "Vote",
]
