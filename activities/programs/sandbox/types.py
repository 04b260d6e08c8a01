"""The seam: what is run, within which limits, and how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from activities.programs.sandbox.images import Image

Language: TypeAlias = Literal["sh", "python", "js"]
# Which limit ended a program.
Limit: TypeAlias = Literal["time", "cpu", "memory", "output"]


@dataclass(frozen=True)
class Program:
    """What is run.

    Attributes:
        code: Its text.
        stdin: What it can read on its standard input.
    """

    language: Language
    code: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""


@dataclass(frozen=True)
class Container:
    """A program in an image, which brings all that it needs.

    Attributes:
        command: For the image's own `/bin/sh`; without one the image says what runs.
        arguments: `$1` and on of the command; or instead of those that the image has.
        hostname: What it takes itself for.
    """

    image: Image
    command: str = ""
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""
    hostname: str = ""

    @property
    def words(self) -> Sequence[str]:
        """What is run, and with which arguments."""
        about = self.image.about
        if self.command:
            return ("/bin/sh", "-c", self.command, "sh", *self.arguments)
        return (*about.entrypoint, *(self.arguments or about.cmd))


@dataclass(frozen=True)
class Limits:
    """How much one program may take, with all processes that it starts.

    Attributes:
        time_s: By the clock on the wall.
        cpu_s: Of processor time.
        disk_bytes: In its folder for temporary files, which is gone afterwards.
        output_bytes: On standard output; as much again on standard error.
    """

    time_s: float = 60.0
    cpu_s: int = 60
    memory_bytes: int = 256 * 1024 * 1024
    processes: int = 32
    disk_bytes: int = 64 * 1024 * 1024
    output_bytes: int = 256 * 1024


@dataclass(frozen=True)
class Finished:
    """How a program ended.

    Attributes:
        code: Its exit code; 128 and more when a signal ended it.
        stdout: The first bytes of it; all, unless `exceeded` is `output`.
        exceeded: The limit that ended it, if one did.
        took_s: By the clock on the wall.
    """

    code: int
    stdout: bytes
    stderr: bytes
    exceeded: Limit | None
    took_s: float


class Sandbox(Protocol):
    """Runs programs that can reach nothing."""

    async def run(self, program: Program | Container, limits: Limits) -> Finished:
        """Run a program to its end, or to its limits; when cancelled, nothing of it is left.

        Raises:
            SandboxRefusedError: Here it cannot be run, and why. Nothing of it was.
        """
        ...
