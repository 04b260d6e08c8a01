"""Builtins of jq that have no place in a durable workflow: why, and what to use instead."""

from collections.abc import Mapping
from typing import Final

_CLOCK: Final = "it would differ on replay. Use $workflow.startedAt or $task.startedAt"
_ZONE: Final = "it depends on the zone of the machine. Use gmtime, strftime and $workflow.startedAt"
_ENVIRONMENT: Final = "the worker's environment is not readable. Pass the value as input, use "
_INPUTS: Final = "there is one input only. Use '.', or $input in a task"
_CONSOLE: Final = "there is no console. Put what you want to see into the output or an 'emit' task"
_HALT: Final = "an expression cannot stop the process. Use a 'raise' task, or error(...)"
_MODULES: Final = "there are no modules. Define what you need with 'def'"

EXCLUDED: Final[Mapping[str, str]] = {
    "now": _CLOCK,
    "localtime": _ZONE,
    "strflocaltime": _ZONE,
    "env": f"{_ENVIRONMENT}$secrets, or read $runtime",
    "$ENV": f"{_ENVIRONMENT}$secrets, or read $runtime",
    "input": _INPUTS,
    "inputs": _INPUTS,
    "input_filename": _INPUTS,
    "input_line_number": _INPUTS,
    "debug": _CONSOLE,
    "stderr": _CONSOLE,
    "halt": _HALT,
    "halt_error": _HALT,
    "get_search_list": _MODULES,
    "get_prog_origin": _MODULES,
    "get_jq_origin": _MODULES,
    "modulemeta": _MODULES,
    "j0": "Bessel functions are not provided",
    "j1": "Bessel functions are not provided",
    "jn": "Bessel functions are not provided",
    "y0": "Bessel functions are not provided",
    "y1": "Bessel functions are not provided",
    "yn": "Bessel functions are not provided",
}
