"""CloudEvents: emitted, and waited for."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import ConfigDict, Field, GetPydanticSchema, Tag, model_validator
from typing_extensions import TypedDict

from foundation.json import JsonObject
from workflows.definition.findings import Code
from workflows.definition.models.base import (
    OBJECT,
    TEXT,
    Given,
    Json,
    Many,
    Model,
    choice,
    exactly_one,
    refusal,
)
from workflows.definition.models.data_flow import ExportFilter, OutputFilter
from workflows.definition.models.task_list import TaskList


class _Attributes(TypedDict, total=False):
    id: str
    source: str
    time: str
    subject: str
    datacontenttype: str
    dataschema: str
    data: Json


class _EventProperties(_Attributes, total=False):
    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]

    type: str


class _EmittedProperties(_Attributes):
    __pydantic_config__ = ConfigDict(extra="allow", strict=True)  # type: ignore[misc]

    type: str


class EventSpec(Model):
    """The event to emit; what it leaves out is filled in."""

    with_: Annotated[
        JsonObject, GetPydanticSchema(lambda _source, handler: handler(_EmittedProperties))
    ]


class EmitSpec(Model):
    """What to emit."""

    event: EventSpec


class Correlation(Model):
    """Which events belong together."""

    model_config = ConfigDict(extra="ignore")

    from_: str
    expect: Given[str] = None


class EventFilter(Model):
    """Which events are meant."""

    with_: Annotated[
        JsonObject,
        GetPydanticSchema(lambda _source, handler: handler(_EventProperties)),
        Field(min_length=1),
    ]
    correlate: Given[Mapping[str, Correlation]] = None


class EventConsumption(Model):
    """Which events to wait for, and how many."""

    all: Given[Many[EventFilter]] = None
    any: Given[Many[EventFilter]] = None
    one: Given[EventFilter] = None
    until: "Given[Until]" = None

    @model_validator(mode="after")
    def _one_strategy(self) -> Self:
        exactly_one(self, "all", "any", "one")
        if "until" in self.model_fields_set and "any" not in self.model_fields_set:
            raise refusal(Code.UNKNOWN_KEY, "'until' can only be used together with 'any'.")
        if isinstance(self.until, EventConsumption) and "until" in self.until.model_fields_set:
            raise refusal(Code.UNKNOWN_KEY, "An 'until' cannot have an 'until' of its own.")
        return self


Until: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[EventConsumption, Tag(OBJECT)],
    choice("a condition", "an object that says which events end it"),
]

EventConsumption.model_rebuild()

ReadAs: TypeAlias = Literal["data", "envelope", "raw"]


class ListenSpec(Model):
    """What to wait for, and what of it becomes the output."""

    to: EventConsumption
    read: ReadAs = "data"


class SubscriptionIterator(Model):
    """What to do with each event as it comes."""

    item: str = "item"
    at: str = "index"
    do: Given[TaskList] = None
    output: Given[OutputFilter] = None
    export: Given[ExportFilter] = None
