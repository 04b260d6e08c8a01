"""A list of named tasks. What a task is stands in `models.tasks`, which needs this list."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from workflows.definition.models.base import ONLY_MEMBER, Many, Named, single_member

if TYPE_CHECKING:
    from workflows.definition.models.tasks import Task


class TaskItem(Named):
    """`- name: {...}`."""

    task: "Task" = Field(alias=ONLY_MEMBER)


TaskList: TypeAlias = Many[Annotated[TaskItem, BeforeValidator(single_member("A task"))]]
