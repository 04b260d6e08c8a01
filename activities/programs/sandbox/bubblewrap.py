"""The sandbox: bubblewrap's namespaces, a filter of system calls, and limits of resources.

A program sees /usr read-only, an empty folder for temporary files, a /proc of its own processes,
and nothing else: no network but its own loopback, no file, process or variable of the worker. A
container sees the files of its image instead of /usr. What it leaves behind, processes included,
is gone when its first process ends.

A worker that is root gives it up for the program: limits on processes do not hold for root.
"""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from activities.programs.sandbox.errors import ProgramInputError, SandboxRefusedError
from activities.programs.sandbox.images import Image
from activities.programs.sandbox.seccomp import seccomp_filter
from activities.programs.sandbox.supervision import Command, supervised
from activities.programs.sandbox.surroundings import (
    Surroundings,
    of_container,
    of_program,
)
from activities.programs.sandbox.types import Container, Finished, Limits, Program, Sandbox

# Nobody has this number; the worker's own would let a program of root's be as root outside.
UNPRIVILEGED: Final = 2_000_000_001
# What the program itself sees.
_INSIDE: Final = 65534
_OPEN_FILES: Final = 256
_SHARED_MEMORY_BYTES: Final = 16 * 1024 * 1024
# Linux takes 128 KiB for one argument or variable, and 2 MiB for all of them.
_MAX_TEXT_BYTES: Final = 100_000
_MAX_TEXTS_BYTES: Final = 1_000_000
_HOSTNAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# With these the loader would run code of the program's inside of what sets its limits.
_OF_THE_LOADER: Final = re.compile(r"LD_.*|GCONV_PATH|LOCPATH|GLIBC_TUNABLES|NLSPATH")
# bwrap writes it when the program has ended by itself.
_STARTED: Final = b'"exit-code"'
_STATUS_BYTES: Final = 4096
_SHOWN_BYTES: Final = 500
_TOOLS: Final = "/usr/bin:/usr/sbin:/bin:/sbin"


@dataclass(frozen=True)
class Bubblewrap(Sandbox):
    """Runs programs with bubblewrap; `proven` tells whether that isolates them here."""

    bwrap: str
    prlimit: str
    setpriv: str

    @classmethod
    def found(cls) -> "Bubblewrap":
        """Find what it is made of.

        Raises:
            SandboxRefusedError: When something is not installed.
        """
        return cls(
            bwrap=_tool("bwrap", "bubblewrap"),
            prlimit=_tool("prlimit", "util-linux"),
            setpriv=_tool("setpriv", "util-linux"),
        )

    @override
    async def run(self, program: Program | Container, limits: Limits) -> Finished:
        _check(program)
        with ExitStack() as stack:
            given = _Given(stack)
            status = given.file(b"")
            around = (
                of_container(program, limits)
                if isinstance(program, Container)
                else of_program(program, self.prlimit, limits)
            )
            words = self._command(around, limits, given, status)
            command = Command(words, tuple(given.descriptors), program.stdin.encode())
            finished = await supervised(command, limits)
            if finished.exceeded is None and _STARTED not in os.pread(status, _STATUS_BYTES, 0):
                raise SandboxRefusedError(
                    "The sandbox could not be made, or was ended from outside: "
                    f"{finished.stderr[-_SHOWN_BYTES:].decode(errors='replace').strip()}"
                )
            return finished

    def _command(
        self, around: Surroundings, limits: Limits, given: "_Given", status: int
    ) -> list[str]:
        code = (
            ("--ro-bind-data", str(given.file(around.code.encode())), around.file)
            if around.file
            else ()
        )
        # Arguments in a file: on the command line everybody on the machine could read them.
        options = given.file(
            _joined(
                [
                    *_isolation(around, limits),
                    *("--json-status-fd", str(status)),
                    *("--seccomp", str(given.file(seccomp_filter()))),
                    *code,
                    *("--remount-ro", "/"),
                    *_environment(around),
                ]
            )
        )
        outer = [self.prlimit, *_limits(limits, bounded_addresses=around.bounded_addresses), "--"]
        if os.geteuid() == 0:
            outer += [self.setpriv, f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}"]
            outer += ["--clear-groups", "--"]
        return [*outer, self.bwrap, "--args", str(options), "--", *around.words]


class _Given:
    """Files that a process is given open, so that they need no name."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.descriptors: list[int] = []

    def file(self, content: bytes) -> int:
        """Make a file; return its number, here and in the process."""
        descriptor = os.memfd_create("millwright", os.MFD_CLOEXEC)
        self._stack.callback(os.close, descriptor)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        self.descriptors.append(descriptor)
        return descriptor


def _isolation(around: Surroundings, limits: Limits) -> Iterator[str]:
    """Spell what the program is kept from, and what it sees."""
    for name in ("user", "ipc", "pid", "net", "uts", "cgroup-try"):
        yield f"--unshare-{name}"
    yield from ("--disable-userns", "--die-with-parent", "--new-session", "--clearenv")
    yield from ("--cap-drop", "ALL", "--hostname", around.hostname)
    yield from ("--uid", str(_INSIDE), "--gid", str(_INSIDE))
    yield from around.files
    yield from ("--proc", "/proc", "--dev", "/dev")
    yield from ("--size", str(_SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm")  # noqa: S108
    yield from ("--remount-ro", "/dev")
    yield from ("--size", str(limits.disk_bytes), "--tmpfs", "/tmp")  # noqa: S108
    yield from ("--chdir", around.directory)


def _joined(options: Sequence[str]) -> bytes:
    """Spell options as bubblewrap reads them from a file: each ends with a NUL.

    Raises:
        ProgramInputError: When one holds a NUL: what follows it would be options of its own.
    """
    if any("\0" in each for each in options):
        raise ProgramInputError("Something that the sandbox was given holds a NUL character.")
    return b"".join(each.encode() + b"\0" for each in options)


def _environment(around: Surroundings) -> Iterator[str]:
    for name, text in around.environment.items():
        yield from ("--setenv", name, text)


def _limits(limits: Limits, *, bounded_addresses: bool) -> Iterator[str]:
    """Spell the limits of each single process; those of all together are the supervisor's."""
    memory = limits.memory_bytes
    yield f"--data={memory}"
    if bounded_addresses:
        # Also of memory that is shared, which `data` does not count.
        yield f"--as={memory}"
    # The second one ends also what ignores the signal of the first.
    yield f"--cpu={limits.cpu_s}:{limits.cpu_s + 1}"
    yield f"--fsize={limits.disk_bytes}"
    yield f"--nofile={_OPEN_FILES}"
    yield from ("--core=0", "--msgqueue=0", "--memlock=0", "--sigpending=256")


def _check(program: Program | Container) -> None:
    """Refuse what no program can be given.

    Raises:
        ProgramInputError: It names the argument or the variable, and not what is in it.
    """
    for name, text in program.environment.items():
        if not _NAME.fullmatch(name):
            raise ProgramInputError(
                f"'{name[:100]}' cannot be the name of a variable: letters, digits and '_', not "
                "beginning with a digit."
            )
        if _OF_THE_LOADER.fullmatch(name):
            raise ProgramInputError(f"The variable '{name[:100]}' cannot be set from outside.")
        _check_text(text, f"The variable '{name[:100]}'")
    for number, text in enumerate(program.arguments, 1):
        _check_text(text, f"Argument {number}")
    if isinstance(program, Container):
        _check_image(program.image)
        _check_text(program.command, "The command")
        if program.hostname and not _HOSTNAME.fullmatch(program.hostname):
            raise ProgramInputError(
                f"'{program.hostname[:100]}' cannot be the name of a container: 1 to 63 letters, "
                "digits, '-', '_' and '.', beginning with a letter or a digit."
            )
    else:
        _check_unicode(program.code, "The code")
    _check_unicode(program.stdin, "The standard input")
    whole = sum(map(len, [*program.arguments, *program.environment.values()]))
    if whole > _MAX_TEXTS_BYTES:
        raise ProgramInputError(
            f"Arguments and variables have {whole:,} characters together; at most "
            f"{_MAX_TEXTS_BYTES:,} can be given. Pass large data as 'stdin'."
        )


def _check_image(image: Image) -> None:
    """Refuse what an image says of itself as what a definition says: somebody else has built it.

    Raises:
        ProgramInputError: It names the image, and not the texts in it.
    """
    about = image.about
    for text in (*about.env, *about.entrypoint, *about.cmd, about.working_dir):
        _check_text(text, f"What the image '{about.name}' says of itself")
    for name in image.environment:
        if not _NAME.fullmatch(name):
            raise ProgramInputError(
                f"The image '{about.name}' has a variable that no container can be given: "
                f"'{name[:100]}'. Only letters, digits and '_' make a name, no digit first."
            )


def _check_text(text: str, what: str) -> None:
    _check_unicode(text, what)
    if "\0" in text:
        raise ProgramInputError(f"{what} holds a NUL character. Encode it, or pass it as 'stdin'.")
    if len(text.encode()) > _MAX_TEXT_BYTES:
        raise ProgramInputError(
            f"{what} has more than {_MAX_TEXT_BYTES:,} bytes. Pass large data as 'stdin'."
        )


def _check_unicode(text: str, what: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ProgramInputError(f"{what} holds half a character (a lone surrogate).") from None


def _tool(name: str, package: str) -> str:
    found = shutil.which(name, path=_TOOLS)
    if found is None:
        raise SandboxRefusedError(
            f"'{name}' is not installed. Debian, Ubuntu: apt-get install {package}"
        )
    return found
