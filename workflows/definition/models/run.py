"""What `run` runs: scripts, shell commands, containers, other workflows."""

from typing import Literal, Self

from pydantic import model_validator

from workflows.definition.findings import Code
from workflows.definition.models.base import Given, JsonMap, Many, Model, exactly_one, refusal
from workflows.definition.models.values import DurationSpec, ExternalResource


class ContainerLifetime(Model):
    """What becomes of the container afterwards."""

    cleanup: Literal["always", "never", "eventually"]
    after: Given[DurationSpec] = None

    @model_validator(mode="after")
    def _after_only_eventually(self) -> Self:
        given = "after" in self.model_fields_set
        if given != (self.cleanup == "eventually"):
            raise refusal(
                Code.WRONG_VALUE, "'after' belongs to 'cleanup: eventually', and is needed there."
            )
        return self


class ContainerSpec(Model):
    """A container."""

    image: str
    name: Given[str] = None
    command: Given[str] = None
    ports: Given[JsonMap] = None
    volumes: Given[JsonMap] = None
    environment: Given[JsonMap] = None
    stdin: Given[str] = None
    arguments: Many[str] = ()
    lifetime: Given[ContainerLifetime] = None
    pull_policy: Literal["ifNotPresent", "always", "never"] = "ifNotPresent"


class ScriptSpec(Model):
    """A script, here or elsewhere."""

    language: str
    stdin: Given[str] = None
    arguments: Many[str] = ()
    environment: Given[JsonMap] = None
    code: Given[str] = None
    source: Given[ExternalResource] = None

    @model_validator(mode="after")
    def _here_or_elsewhere(self) -> Self:
        exactly_one(self, "code", "source")
        return self


class ShellSpec(Model):
    """A shell command."""

    command: str
    stdin: Given[str] = None
    arguments: Many[str] = ()
    environment: Given[JsonMap] = None


class SubflowSpec(Model):
    """Another workflow."""

    namespace: str
    name: str
    version: str
    input: Given[JsonMap] = None


class RunSpec(Model):
    """What to run."""

    container: Given[ContainerSpec] = None
    script: Given[ScriptSpec] = None
    shell: Given[ShellSpec] = None
    workflow: Given[SubflowSpec] = None
    await_: bool = True
    return_: Literal["stdout", "stderr", "code", "all", "none"] = "stdout"

    @model_validator(mode="after")
    def _one_process(self) -> Self:
        exactly_one(self, "container", "script", "shell", "workflow")
        return self
