"""How running in a sandbox can fail; a program that ends badly is a result and no error.

MillwrightError
├── SandboxRefusedError    this machine cannot, and why; trying again changes nothing
├── ImageMissingError      the image of a container is not on this machine
└── InvalidInputError
    └── ProgramInputError  no program can be given that
"""

from foundation.errors import InvalidInputError, MillwrightError


class SandboxRefusedError(MillwrightError):
    """This machine does not offer the isolation, or not the language."""

    code = "sandbox-refused"
    kind = "configuration"
    title = "Programs cannot be run here"


class ImageMissingError(MillwrightError):
    """Whoever operates the worker has not put the image there."""

    code = "image-missing"
    kind = "configuration"
    title = "The image of the container is not here"


class ProgramInputError(InvalidInputError):
    """An argument, a variable or a text that no program can be given."""

    code = "program-input"
    title = "The program cannot be given that"
