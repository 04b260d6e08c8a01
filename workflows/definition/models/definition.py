"""The document as a whole."""

from functools import cache
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from workflows.definition.findings import Code
from workflows.definition.models.authentication import AuthenticationPolicy
from workflows.definition.models.base import (
    ONLY_MEMBER,
    Given,
    JsonMap,
    Many,
    Model,
    Named,
    at_least_one,
    refusal,
    single_member,
)
from workflows.definition.models.data_flow import InputFilter, OutputFilter
from workflows.definition.models.errors import ErrorSpec, RetryPolicy
from workflows.definition.models.events import EventConsumption, ReadAs
from workflows.definition.models.metadata import DocumentMetadata, WorkflowMetadata
from workflows.definition.models.names import Name, Version
from workflows.definition.models.task_list import TaskList
from workflows.definition.models.tasks import Task
from workflows.definition.models.values import DurationSpec, Endpoint, Timeout, TimeoutSpec


@cache
def _nothing_wanted() -> WorkflowMetadata:
    return WorkflowMetadata()


class DocumentInfo(Model):
    """What the workflow is called, and in which language it is written."""

    dsl: Version
    namespace: Name
    name: Name
    version: Version
    title: Given[str] = None
    summary: Given[str] = None
    tags: Given[JsonMap] = None
    metadata: Given[DocumentMetadata] = None

    @property
    def millwright(self) -> WorkflowMetadata:
        """What the workflow wants of the engine."""
        given = self.metadata.millwright if self.metadata else None
        return given or _nothing_wanted()


class Extension(Model):
    """Tasks around other tasks (not executed yet)."""

    extend: Literal[
        "call",
        "composite",
        "emit",
        "for",
        "listen",
        "raise",
        "run",
        "set",
        "switch",
        "try",
        "wait",
        "all",
    ]
    when: Given[str] = None
    before: Given[TaskList] = None
    after: Given[TaskList] = None


class ExtensionItem(Named):
    """`- name: {...}`."""

    extension: Extension = Field(alias=ONLY_MEMBER)


class CatalogSpec(Model):
    """Where functions of others are; they are fetched when the workflow is published."""

    endpoint: Endpoint


Extensions: TypeAlias = Many[
    Annotated[ExtensionItem, BeforeValidator(single_member("An extension"))]
]


class Use(Model):
    """What tasks refer to by name."""

    authentications: dict[str, AuthenticationPolicy] = Field(default_factory=dict)
    errors: dict[str, ErrorSpec] = Field(default_factory=dict)
    extensions: Extensions = ()
    functions: dict[str, Task] = Field(default_factory=dict)
    retries: dict[str, RetryPolicy] = Field(default_factory=dict)
    secrets: Many[str] = ()
    timeouts: dict[str, TimeoutSpec] = Field(default_factory=dict)
    catalogs: dict[str, CatalogSpec] = Field(default_factory=dict)


class Schedule(Model):
    """When the workflow starts by itself.

    Attributes:
        every: So often, whether or not the instance before has ended.
        after: So long after the instance before has ended.
        on: Whenever these events have come; they are the input.
        read: What of the events.
    """

    every: Given[DurationSpec] = None
    cron: Given[str] = None
    after: Given[DurationSpec] = None
    on: Given[EventConsumption] = None
    read: ReadAs = "data"

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        at_least_one(self, "every", "cron", "after", "on")
        return self

    @model_validator(mode="after")
    def _read_needs_on(self) -> Self:
        if "read" in self.model_fields_set and self.on is None:
            raise refusal(Code.MISSING_KEY, "'read' needs 'on'.")
        return self


class Evaluate(Model):
    """How expressions are read."""

    language: str = "jq"
    mode: Literal["strict", "loose"] = "strict"


class Definition(Model):
    """A workflow."""

    document: DocumentInfo
    input: Given[InputFilter] = None
    use: Use = Use()
    do: TaskList
    timeout: Given[Timeout] = None
    output: Given[OutputFilter] = None
    schedule: Given[Schedule] = None
    evaluate: Evaluate = Evaluate()
