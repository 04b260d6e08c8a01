"""What a program that has ended means for its task."""

from collections.abc import Mapping
from typing import Final

from activities.programs.errors import ProgramFailedError, ProgramStoppedError
from activities.programs.sandbox.types import Finished, Limit, Limits
from activities.programs.types import Returns
from foundation.json import JsonValue

# What a person needs to see of its last words.
_SHOWN_CHARS: Final = 500
# Who asks for one of these wants to look at a failure himself.
_TAKES_ANY_CODE: Final[frozenset[Returns]] = frozenset({"code", "stderr", "all"})
_LIMITS: Final[Mapping[Limit, str]] = {
    "time": "It ran longer than {time_s:g} s. A 'timeout' of the task gives it more, up to what "
    "the worker allows (MILLWRIGHT_PROGRAMS_MAX_TIME_S).",
    "cpu": "It used more than {cpu_s} s of processor time (MILLWRIGHT_PROGRAMS_MAX_CPU_S).",
    "memory": "Its processes took more than {memory_bytes:,} bytes of memory "
    "(MILLWRIGHT_PROGRAMS_MEMORY_MB).",
    "output": "It wrote more than {output_bytes:,} bytes (MILLWRIGHT_PROGRAMS_MAX_OUTPUT_BYTES). "
    "Write less: results are kept in the history of the run.",
}


def output_of(finished: Finished, returns: Returns, limits: Limits) -> JsonValue:
    """Return the output of the task.

    Raises:
        ProgramStoppedError: It reached a limit.
        ProgramFailedError: It failed, and the task does not ask how; or it wrote what is no text.
    """
    if finished.exceeded is not None:
        why = _LIMITS[finished.exceeded].format(**vars(limits))
        kind = "timeout" if finished.exceeded == "time" else "runtime"
        raise ProgramStoppedError(f"{why}{_last_words(finished)}", kind=kind)
    if finished.code != 0 and returns not in _TAKES_ANY_CODE:
        raise ProgramFailedError(f"It ended with exit code {finished.code}.{_last_words(finished)}")
    match returns:
        case "stdout":
            return _text(finished.stdout, "standard output")
        case "stderr":
            return _text(finished.stderr, "standard error")
        case "code":
            return finished.code
        case "all":
            return {
                "code": finished.code,
                "stdout": _text(finished.stdout, "standard output"),
                "stderr": _text(finished.stderr, "standard error"),
            }
        case "none":
            return None


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ProgramFailedError(
            f"Its {what} is no UTF-8 text (byte {error.start}). Write it as base64."
        ) from None


def _last_words(finished: Finished) -> str:
    said = finished.stderr.decode(errors="replace").strip()
    return f" Its last words: {said[-_SHOWN_CHARS:]}" if said else ""
