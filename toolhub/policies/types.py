"""What can be decided about a tool."""

from datetime import datetime
from functools import cached_property
from typing import Annotated, Final, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from foundation.json import JsonObject, JsonValue
from foundation.schema_cost import SchemaRefusedError
from foundation.schemas import Schema, compiled
from toolhub.fallbacks.types import Fallback
from toolhub.header_names import HeaderName

MAX_PATTERNS: Final = 20
# Of what a tool said; a sign of failure stands at its beginning.
LOOKED_THROUGH_CHARS: Final = 16 * 1024

Argument: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyTarget(_Strict):
    """Where a tool expects the key by which it recognises a repeated call.

    Attributes:
        argument: Name of an argument that is a text.
        header: Name of a header, such as `Idempotency-Key`.
    """

    argument: Argument | None = None
    header: HeaderName | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.argument is None) == (self.header is None):
            raise ValueError("give 'argument' or 'header'")
        return self


class ErrorPattern(_Strict):
    """How a tool says in its text that it failed, whatever it says in `isError`.

    Attributes:
        pattern: Regular expression, looked for anywhere in the text; matched in linear time.
        retry: Calling again does no harm and may help, such as after `database is locked`.
    """

    pattern: str = Field(min_length=1, max_length=500)
    retry: bool = False

    @field_validator("pattern")
    @classmethod
    def _can_be_matched(cls, pattern: str) -> str:
        try:
            _matcher(pattern)
        except SchemaRefusedError as error:
            raise ValueError(str(error)) from error
        return pattern

    def found_in(self, text: str) -> bool:
        """Tell whether it occurs in a text."""
        return not _matcher(self.pattern).violations(text, most=1)


def _matcher(pattern: str) -> Schema:
    # The one engine of ours that matches in linear time.
    return compiled({"type": "string", "pattern": pattern})


class ToolPolicy(_Strict):
    """What holds for a tool; what is left out is as its server says.

    Attributes:
        read_only: It changes nothing.
        idempotent: Calling it twice does what calling it once does.
        idempotency_key: It recognises a repeated call by a key, which it gets here.
        error_patterns: Texts that are failures of the tool.
        timeout_s: Longest wait; never longer than the server's.
        fallback: What stands in for it when it cannot be called; nothing when left out.
    """

    read_only: bool | None = None
    idempotent: bool | None = None
    idempotency_key: KeyTarget | None = None
    error_patterns: list[ErrorPattern] = Field(default_factory=list, max_length=MAX_PATTERNS)
    timeout_s: float | None = Field(default=None, gt=0, le=3600, allow_inf_nan=False)
    fallback: Fallback | None = None

    def only_reads(self, annotations: JsonObject) -> bool:
        """Tell whether a tool changes nothing; an operator knows better than its server."""
        if self.read_only is None:
            return annotations.get("readOnlyHint") is True
        return self.read_only

    def repeatable(self, annotations: JsonObject) -> bool:
        """Tell whether a tool may be called twice; an operator knows better than its server."""
        hints = {"readOnlyHint": self.read_only, "idempotentHint": self.idempotent}
        return any(
            annotations.get(hint) is True if own is None else own for hint, own in hints.items()
        )

    def keyed(self, arguments: JsonObject, key: str | None) -> JsonObject:
        """Return the arguments with the key of the call, unless they have one."""
        target = self.idempotency_key
        if key is None or target is None or target.argument is None:
            return arguments
        return {target.argument: key, **arguments}

    def is_honoured(self, arguments: JsonObject, key: str | None, *, has_headers: bool) -> bool:
        """Tell whether the tool gets a key of the call by which it recognises a repeated one.

        Args:
            arguments: As they are sent: a caller may have given one that is none.
            has_headers: Whether the way to the server has any.
        """
        target = self.idempotency_key
        if target is None or key is None:
            return False
        given = None if target.argument is None else arguments.get(target.argument)
        return isinstance(given, str) and bool(given) if target.argument else has_headers

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the header with the key of the call."""
        target = self.idempotency_key
        if key is None or target is None or target.header is None:
            return {}
        return {target.header: key}

    def problem(self, schema: JsonObject) -> str | None:
        """Say what was decided and does not hold for the tool as it is now.

        Args:
            schema: What it takes: a later version of it may not take the key any more.
        """
        argument = self.idempotency_key and self.idempotency_key.argument
        if not argument or takes_text(schema, argument):
            return None
        return (
            f"The tool takes no text as '{argument}' now, where it is to get the idempotency key. "
            "So it gets none, and no call is repeated for having one. Decide anew."
        )

    def fitting(self, schema: JsonObject) -> Self:
        """Return what of it holds for the tool as it is now: without a key that it would ignore."""
        if self.problem(schema) is None:
            return self
        return self.model_copy(update={"idempotency_key": None})

    def asked_for(self, schema: JsonObject) -> JsonObject:
        """Return what callers have to give: not the key."""
        target, required = self.idempotency_key, schema.get("required")
        if target is None or target.argument is None or not isinstance(required, list):
            return schema
        return {**schema, "required": [each for each in required if each != target.argument]}

    def failure_in(self, result: JsonObject) -> ErrorPattern | None:
        """Return the pattern that the texts of a result have, if any."""
        if not self.error_patterns:
            return None
        text = _texts(result)
        return next((each for each in self.error_patterns if each.found_in(text)), None)

    @cached_property
    def given(self) -> JsonObject:
        """What was decided, as it is kept."""
        return self.model_dump(mode="json", exclude_unset=True)


def takes_text(schema: JsonObject, argument: str) -> bool:
    """Tell whether a tool has an argument of a name, and it may be a text."""
    properties = schema.get("properties")
    if not isinstance(properties, dict) or argument not in properties:
        return False
    described = properties[argument]
    type_ = described.get("type", "string") if isinstance(described, dict) else described
    return type_ is not False and (type_ == "string" or not isinstance(type_, str))


AS_SAID: Final = ToolPolicy()


class PolicyInfo(BaseModel, frozen=True):
    """What holds for a tool.

    Attributes:
        problem: What of it does not hold any more, because the tool has changed.
        repeatable: So a call whose outcome is not known is made again.
        changed_by: Nobody has decided anything when it is None.
    """

    server: str
    tool: str
    policy: ToolPolicy
    problem: str | None
    repeatable: bool
    changed_by: str | None
    changed_at: datetime | None


def _texts(result: JsonObject) -> str:
    content = result.get("content")
    blocks: list[JsonValue] = content if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))[:LOOKED_THROUGH_CHARS]
