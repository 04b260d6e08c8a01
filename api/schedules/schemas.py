"""Bodies of the schedule routes. The schedules themselves are `workflows.schedules.types`."""

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from workflows.schedules.types import Note, Overlap

ScheduleId = Annotated[str, Path(max_length=200, examples=["every-morning"])]


class NoteRequest(BaseModel, extra="forbid", frozen=True):
    """Why a schedule is paused or resumed."""

    note: Note = ""


class TriggerRequest(BaseModel, extra="forbid", frozen=True):
    """How a run begins now."""

    overlap: Overlap | None = Field(
        default=None, description="Instead of the schedule's own policy, for this run."
    )
