"""What a check of a definition finds: one shape, stable codes, all of them at once.

The codes are part of the API. They are never renamed or reused; docs/reference/findings.md
explains each one with an example.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from itertools import islice
from typing import ClassVar, Final, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel

from foundation.errors import InvalidInputError
from foundation.json import JsonObject

Severity: TypeAlias = Literal["error", "warning"]
# Where something stands in a document: the unescaped tokens of a JSON pointer.
Path: TypeAlias = tuple[str | int, ...]

# A hostile document could have one finding per byte.
MAX_FINDINGS: Final = 100
_SHOWN_CHARS: Final = 60
# Comparing takes about 10 us each, and an author may have thousands of names.
_COMPARED: Final = 200


class Code(StrEnum):
    """Why a definition is refused, or what is odd about it."""

    SYNTAX = "syntax"
    ENCODING = "encoding"
    CONTROL_CHARACTER = "control-character"
    EMPTY = "empty-document"
    TOO_LARGE = "too-large"
    TOO_DEEP = "too-deep"
    ALIAS = "alias"
    MULTIPLE_DOCUMENTS = "multiple-documents"
    DUPLICATE_KEY = "duplicate-key"
    MERGE_KEY = "merge-key"
    CUSTOM_TAG = "custom-tag"
    KEY = "key"
    NUMBER = "number"

    MISSING_KEY = "missing-key"
    UNKNOWN_KEY = "unknown-key"
    WRONG_TYPE = "wrong-type"
    WRONG_VALUE = "wrong-value"
    TASK_KIND = "task-kind"
    DSL_VERSION = "dsl-version"
    RESERVED_NAME = "reserved-name"
    DURATION = "duration"
    URI = "uri"

    DUPLICATE_NAME = "duplicate-name"
    UNKNOWN_TARGET = "unknown-target"
    UNREACHABLE_TASK = "unreachable-task"
    ENDLESS_LOOP = "endless-loop"
    EXPRESSION_LANGUAGE = "expression-language"
    EXPRESSION_SYNTAX = "expression-syntax"
    UNKNOWN_VARIABLE = "unknown-variable"
    UNKNOWN_PATH = "unknown-path"
    UNKNOWN_FUNCTION = "unknown-function"
    FUNCTION_ARGUMENTS = "function-arguments"
    RECURSIVE_FUNCTION = "recursive-function"
    UNKNOWN_REFERENCE = "unknown-reference"
    INVALID_SCHEMA = "invalid-schema"
    CRON = "cron"
    SCHEDULED_INPUT = "scheduled-input"
    LITERAL_SECRET = "literal-secret"  # noqa: S105 - a code
    SECRET_FLOW = "secret-flow"  # noqa: S105 - a code
    NOT_SUPPORTED_YET = "not-supported-yet"
    NOT_ENABLED = "not-enabled"
    NOT_EVALUATED = "not-evaluated"
    NOT_FETCHED = "not-fetched"
    ELSEWHERE = "elsewhere"


# Everything else is an error and keeps the definition from being published.
WARNINGS: Final = frozenset(
    {Code.NOT_EVALUATED, Code.NOT_FETCHED, Code.UNKNOWN_PATH, Code.UNREACHABLE_TASK}
)


class Problem(NamedTuple):
    """What one check says, before its place in the text is known."""

    code: Code
    path: Path
    message: str


class Finding(BaseModel, frozen=True):
    """One thing to mend.

    Attributes:
        code: Stable; what programs compare.
        severity: Only errors keep a definition from being published.
        pointer: JSON pointer into the document, `` for the document itself.
        line: First line is 1.
        column: First column is 1, counted in characters.
        message: What is wrong and what to do, for a person.
    """

    code: Code
    severity: Severity
    pointer: str
    line: int
    column: int
    message: str

    @property
    def is_error(self) -> bool:
        """True when it keeps the definition from being published."""
        return self.severity == "error"


class InvalidDefinitionError(InvalidInputError):
    """A definition that cannot be published; `findings` says why, all at once.

    Args:
        findings: At least one error; warnings may be among them.
    """

    code: ClassVar[str] = "invalid-definition"

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        details: JsonObject = {"findings": [each.model_dump(mode="json") for each in findings]}
        super().__init__(_headline(self.findings), details=details)


def _headline(findings: Sequence[Finding]) -> str:
    errors = [each for each in findings if each.is_error]
    first = errors[0]
    count = "an error" if len(errors) == 1 else f"{len(errors)} errors"
    return f"The definition has {count}. Line {first.line}, column {first.column}: {first.message}"


def finding(code: Code, pointer: str, line: int, column: int, message: str) -> Finding:
    """Make a finding with the severity of its code."""
    severity: Severity = "warning" if code in WARNINGS else "error"
    return Finding(
        code=code, severity=severity, pointer=pointer, line=line, column=column, message=message
    )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by place, drop repetitions, and keep the number within bounds (errors first)."""
    unique = dict.fromkeys(findings)
    if len(unique) > MAX_FINDINGS:
        errors_first = sorted(unique, key=lambda each: (not each.is_error, each.line, each.column))
        unique = dict.fromkeys(errors_first[:MAX_FINDINGS])
    return sorted(unique, key=lambda each: (each.line, each.column, each.pointer, each.code))


def to_pointer(path: Path) -> str:
    """Spell a path as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(token).replace('~', '~0').replace('/', '~1')}" for token in path)


def shown(text: str) -> str:
    """Quote what the author wrote, cut to a length that fits into a sentence."""
    return f"'{text}'" if len(text) <= _SHOWN_CHARS else f"'{text[:_SHOWN_CHARS]}...'"


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` when something known is close, else nothing."""
    some = islice(known, _COMPARED)
    folded: Mapping[str, str] = {each.casefold(): each for each in some}
    close = get_close_matches(text[:_SHOWN_CHARS].casefold(), folded, n=1, cutoff=0.7)
    return f" Did you mean {shown(folded[close[0]])}?" if close else ""
