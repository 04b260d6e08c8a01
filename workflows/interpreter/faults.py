"""The error model of the language: an error object travels up until a `try` catches it.

Domain errors reach the interpreter as failures of activities (`activities.faults`) and become
error objects here, and only here.
"""

import re
from typing import Final, Literal, TypeAlias

from pydantic_core import to_json
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as ActivityTimeout

from foundation.json import JsonObject, JsonValue

Kind: TypeAlias = Literal[
    "configuration",
    "validation",
    "expression",
    "authentication",
    "authorization",
    "timeout",
    "communication",
    "runtime",
]
SPEC: Final = "https://open-workflow-specification.org/spec/1.0.0/errors/"
STATUS: Final[dict[Kind, int]] = {
    "configuration": 400,
    "validation": 400,
    "expression": 400,
    "authentication": 401,
    "authorization": 403,
    "timeout": 408,
    "communication": 500,
    "runtime": 500,
}
# The specification, its conformance kit and its older releases spell one type in many ways.
_ALIAS: Final = re.compile(
    r"https?://(?:www\.)?(?:serverlessworkflow\.io|open-workflow-specification\.org)"
    r"/(?:spec/[\d.]+/|dsl/)?errors/(?:types/)?([a-z-]+)"
)
# Error texts come from servers we do not know; history keeps them forever.
_MAX_TEXT: Final = 2_000
_MAX_INT: Final = 2**53


def canonical_type(uri: str) -> str:
    """Return one spelling for the standard error types, and any other type as it is."""
    match = _ALIAS.fullmatch(uri)
    return SPEC + match.group(1) if match else uri


class Fault(Exception):  # noqa: N818 - the word of the language
    """An error of the language on its way up.

    Attributes:
        error: `type`, `status`, `title`, and where known `detail` and `instance`.
        attempts: How often the activity behind it ran, when it came from one.
        compensation: What was undone because of it, and what could not be.
        late: Execution of the task whose time was over, if that is what it is about.
        execution: Of the task it happened in; `instance` is what the author of a `raise` wants it
            to be.
    """

    def __init__(
        self, error: JsonObject, *, attempts: int | None = None, execution: str | None = None
    ) -> None:
        self.error = {key: _bounded(value) for key, value in error.items()}
        super().__init__(self.error.get("title") or self.error.get("type"))
        self.attempts = attempts
        self.compensation: JsonObject | None = None
        self.late: str | None = None
        self.execution = execution

    @classmethod
    def of(cls, kind: Kind, title: str, detail: str | None = None) -> "Fault":
        """Make a fault of one of the standard types."""
        error: JsonObject = {"type": SPEC + kind, "status": STATUS[kind], "title": title}
        if detail:
            error["detail"] = detail
        return cls(error)

    def at(self, reference: str, execution: str | None = None) -> None:
        """Note the task it happened in, unless an inner one did already."""
        self.error.setdefault("instance", reference)
        if self.execution is None:
            self.execution = execution

    def as_failure(self) -> ApplicationError:
        """Return the failure that ends the Temporal workflow."""
        title = str(self.error.get("title") or "The workflow faulted")
        detail = self.error.get("detail")
        return ApplicationError(
            f"{title}: {detail}" if detail else title,
            self.error,
            *([self.compensation] if self.compensation else []),
            type=str(self.error.get("type")),
            non_retryable=True,
        )


def unexpected(error: Exception) -> Fault:
    """Turn an exception that nobody thought of into an error object, so that the run ends."""
    return Fault.of("runtime", "The task cannot be executed", f"{type(error).__name__}: {error}")


def _bounded(value: JsonValue) -> JsonValue:
    """Make a member of an error object fit to be kept for ever and read by anybody."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < _MAX_INT:
        return value
    text = value if isinstance(value, str) else to_json(value, fallback=str).decode()
    return text[:_MAX_TEXT].encode(errors="replace").decode()


def fault_of_activity(error: ActivityError) -> Fault:
    """Turn the failure of an activity into an error object."""
    return fault_of_cause(error.cause or error, error.activity_type)


def fault_of_cause(cause: BaseException, activity_type: str) -> Fault:
    """Turn what an activity failed with into an error object."""
    if isinstance(cause, ApplicationError) and cause.details:
        detail = cause.details[0]
        if isinstance(detail, dict) and "kind" in detail:
            return _fault_of_details(cause.message, detail)
    if isinstance(cause, ActivityTimeout):
        return Fault.of("timeout", "The call took too long", f"{activity_type}: {cause}")
    return Fault.of("runtime", "The call failed", f"{activity_type}: {cause}")


def _fault_of_details(message: str, details: dict[str, JsonValue]) -> Fault:
    kind = details["kind"]
    if kind not in STATUS:
        return Fault.of("runtime", "The call failed", message)
    fault = Fault.of(kind, str(details.get("title") or "The call failed"), message)
    if isinstance(status := details.get("status"), int):
        fault.error["status"] = status
    attempts = details.get("attempts")
    fault.attempts = attempts if isinstance(attempts, int) else None
    return fault
