"""What a program finds around it: files, variables, and what starts it."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import Final

from activities.programs.sandbox.errors import (
    ImageMissingError,
    ProgramInputError,
    SandboxRefusedError,
)
from activities.programs.sandbox.images import Image
from activities.programs.sandbox.types import Container, Language, Limits, Program

ENVIRONMENT: Final[Mapping[str, str]] = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108
    "LANG": "C.UTF-8",
}
_HOST: Final = "sandbox"
_TEMPORARY: Final = "/tmp"  # noqa: S108
# What the sandbox puts there itself.
_OURS: Final = frozenset({"proc", "dev", "sys", "tmp", ".millwright"})
# An image need not have anything that sets limits; this needs nothing of the image.
STARTER: Final = "/.millwright/busybox"
_STARTING: Final = "/.millwright/start"
# It looks programs up itself: left to the shell of busybox, one of its own commands would stand in
# for the program of the image that is called so, or that the image has not. The variables of the
# container stand here and not around the shell, which would change some and use others for itself.
_START: Final = """
ulimit -u {processes} || exit 126
unset SHLVL PWD OLDPWD
program=
case $1 in
*/*) program=$1;;
*)
    for folder in {folders}; do
        [ -f "$folder/$1" ] && [ -x "$folder/$1" ] && program=$folder/$1 && break
    done;;
esac
[ "$program" ] || {{ echo "There is no program '$1' in the image." >&2; exit 127; }}
shift
{variables} exec "$program" "$@"
"""


@dataclass(frozen=True)
class Surroundings:
    """What a program finds around it.

    Attributes:
        files: What it sees as files, in options of bubblewrap.
        words: What is started.
        environment: The variables that the first of the words is given.
        file: Where its code is to be, if it has any that is a file.
        bounded_addresses: Whether it is content with as many addresses as memory.
    """

    files: Sequence[str]
    words: Sequence[str]
    directory: str
    hostname: str = _HOST
    environment: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    code: str = ""
    bounded_addresses: bool = False


@dataclass(frozen=True)
class Interpreter:
    """What runs the programs of a language.

    Attributes:
        program: Where it is; below /usr, since the program sees nothing else.
        bounded_addresses: Whether it is content with as many addresses as memory. V8 reserves
            gigabytes which it does not use.
    """

    program: str
    options: tuple[str, ...]
    file: str
    bounded_addresses: bool = True


INTERPRETERS: Final[dict[Language, Interpreter]] = {
    "sh": Interpreter("/usr/bin/sh", (), "/program/main.sh"),
    "python": Interpreter("/usr/bin/python3", ("-I", "-B"), "/program/main.py"),
    "js": Interpreter("/usr/bin/node", (), "/program/main.mjs", bounded_addresses=False),
}


def of_program(program: Program, prlimit: str, limits: Limits) -> Surroundings:
    """Let a program run in what the machine has.

    Raises:
        SandboxRefusedError: When the machine does not have its language.
    """
    interpreter = _interpreter(program.language)
    # Processes are counted inside, where there are no others.
    inner = [prlimit, f"--nproc={limits.processes}", "--"]
    run = [interpreter.program, *interpreter.options, interpreter.file, *program.arguments]
    return Surroundings(
        files=list(_of_the_machine()),
        words=[*inner, *run],
        directory=_TEMPORARY,
        environment={**ENVIRONMENT, **program.environment},
        file=interpreter.file,
        code=program.code,
        bounded_addresses=interpreter.bounded_addresses,
    )


def of_container(container: Container, limits: Limits) -> Surroundings:
    """Let a container run in what its image has.

    Raises:
        SandboxRefusedError: When the machine lacks what starts it.
        ProgramInputError: When the image does not say what to run, and the definition neither.
    """
    about, root = container.image.about, container.image.root
    if not container.words:
        raise ProgramInputError(
            f"The image '{about.name}' does not say what it runs. Give a 'command'."
        )
    starter = shutil.which("busybox", path="/bin:/usr/bin")
    if starter is None:
        raise SandboxRefusedError(
            "'busybox' is not installed, which starts containers. Debian, Ubuntu: apt-get install "
            "busybox-static"
        )
    variables = {**ENVIRONMENT, **container.image.environment, **container.environment}
    return Surroundings(
        files=[*_of_an_image(root), "--ro-bind", starter, STARTER],
        words=[STARTER, "sh", _STARTING, *container.words],
        directory=_directory(container.image),
        hostname=container.hostname or _HOST,
        file=_STARTING,
        code=_start(variables, limits),
    )


def _start(variables: Mapping[str, str], limits: Limits) -> str:
    """Write what starts a container with its variables and no others."""
    return _START.format(
        processes=limits.processes,
        folders=" ".join(quote(each or ".") for each in variables["PATH"].split(":")),
        variables=" ".join(f"{name}={quote(text)}" for name, text in variables.items()),
    )


def _interpreter(language: Language) -> Interpreter:
    found = INTERPRETERS[language]
    if not Path(found.program).exists():
        raise SandboxRefusedError(
            f"There is no {found.program} on the machine of this worker, so it runs nothing in "
            f"'{language}'. Install it there."
        )
    return found


def _of_the_machine() -> Iterator[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    # What somebody installed by hand is none of the program's business.
    for hidden in ("/usr/local", "/usr/src"):
        if Path(hidden).is_dir():
            yield from ("--tmpfs", hidden, "--remount-ro", hidden)
    for name in ("bin", "lib", "lib64", "sbin"):
        yield from ("--symlink", f"usr/{name}", f"/{name}")
    # awk and others are links into here.
    yield from ("--ro-bind-try", "/etc/alternatives", "/etc/alternatives")
    yield from ("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache")


def _of_an_image(root: Path) -> Iterator[str]:
    """Show what is in the folder of an image, and not the folder itself: more is put beside it."""
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError as error:
        raise ImageMissingError(
            f"The files of the image in {root} cannot be read ({error.strerror}). Everybody has to "
            "be able to read and enter that folder and those around it. Add the image again."
        ) from error
    for entry in entries:
        if entry.name in _OURS:
            continue
        if entry.is_symlink():
            yield from ("--symlink", str(Path(entry.path).readlink()), f"/{entry.name}")
        else:
            yield from ("--ro-bind", entry.path, f"/{entry.name}")


def _directory(image: Image) -> str:
    """Return where it begins: `/` when the image has no such folder of its own.

    Raises:
        ImageMissingError: When it has one that its program may not enter.
    """
    wanted = image.about.working_dir or "/"
    parts = PurePosixPath(wanted).parts[1:]
    if parts and parts[0] == "tmp":
        return _TEMPORARY
    place = image.root
    for part in parts:
        place /= part
        if part == ".." or place.is_symlink() or not place.is_dir():
            return "/"
        if not _may_be_entered(place):
            raise ImageMissingError(
                f"The image '{image.about.name}' begins in {wanted}, which its program may not "
                "enter. Add the image again: that lets everybody read what is in it."
            )
    return wanted


def _may_be_entered(folder: Path) -> bool:
    """Tell whether a program can: it is the worker's user, and of root's worker one of no one."""
    if os.geteuid() == 0:
        return bool(folder.stat().st_mode & stat.S_IXOTH)
    return os.access(folder, os.X_OK)
