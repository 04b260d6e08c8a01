"""How a program can end other than well, in the words of the language.

MillwrightError
├── ProgramFailedError    it ended with another exit code than 0, or wrote what is no text
└── ProgramStoppedError   it reached a limit
"""

from foundation.errors import MillwrightError


class ProgramFailedError(MillwrightError):
    """It ran to its end, and not well."""

    code = "program-failed"
    kind = "runtime"
    title = "The program failed"


class ProgramStoppedError(MillwrightError):
    """It was ended at a limit."""

    code = "program-stopped"
    title = "The program was stopped"

    def __init__(self, message: str, *, kind: str = "runtime") -> None:
        super().__init__(message)
        self.kind = kind
