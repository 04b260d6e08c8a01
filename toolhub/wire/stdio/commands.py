"""Which programs may be started, for whom and with which arguments: the installation's own list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import re2

from foundation.errors import InvalidInputError
from foundation.settings import StdioCommand, StdioSettings
from security.mask import Mask
from toolhub.hiding import mask_of
from toolhub.wire.exchange import Program, ProgramNotAllowedError

# All that a program is told of its surroundings besides what the list says.
_SURROUNDINGS: Final[Mapping[str, str]] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
_ALL: Final = "*"


class _Pattern(Protocol):
    def fullmatch(self, text: str) -> object: ...


@dataclass(frozen=True)
class Allowed:
    """A program that may be started.

    Attributes:
        environment: All of it.
        mask: Hides what of it is secret in answers.
    """

    argv: tuple[str, ...]
    folder: Path
    processes: int
    environment: Mapping[str, str] = field(repr=False)
    mask: Mask = field(repr=False, compare=False)


class Commands:
    """The list.

    Raises:
        InvalidInputError: When a pattern for arguments is none.
    """

    def __init__(self, settings: StdioSettings) -> None:
        self._commands = settings.commands
        self._masks = {
            name: mask_of((*_opened(each).values(),)) for name, each in settings.commands.items()
        }
        self._patterns = {
            name: [_compiled(name, pattern) for pattern in command.arguments]
            for name, command in settings.commands.items()
        }

    def allowed(self, program: Program) -> Allowed:
        """Return what to start.

        Raises:
            ProgramNotAllowedError: Says what is not on the list.
        """
        command = self._commands.get(program.command)
        if command is None or not _is_for(command, program.tenant_id):
            raise ProgramNotAllowedError(
                f"There is no command '{program.command[:100]}' for this tenant. "
                f"{self._those_of(program.tenant_id)} Whoever runs this installation lists "
                "commands in MILLWRIGHT_STDIO_COMMANDS."
            )
        for argument in program.arguments:
            if not any(pattern.fullmatch(argument) for pattern in self._patterns[program.command]):
                raise ProgramNotAllowedError(
                    f"The command '{program.command}' does not take the argument "
                    f"{argument[:100]!r}. Whoever runs this installation lists in "
                    "MILLWRIGHT_STDIO_COMMANDS which arguments it takes."
                )
        return Allowed(
            argv=(*command.argv, *program.arguments),
            folder=command.folder,
            processes=command.processes,
            environment={**_SURROUNDINGS, **command.environment, **_opened(command)},
            mask=self._masks[program.command],
        )

    def for_package(
        self, tenant_id: str, registry: str, identifier: str, version: str | None
    ) -> tuple[str, StdioCommand] | None:
        """Return the command that runs a package, with its name; None when there is none.

        Args:
            tenant_id: Who wants to run it.
            registry: Where the package is from: `npm`, `pypi`, `oci`.
            identifier: What it is called there.
            version: Which one is wanted; a command may be listed for all of them.
        """
        wanted = {f"{registry}:{identifier}", f"{registry}:{identifier}@{version}"}
        for name, command in sorted(self._commands.items()):
            if _is_for(command, tenant_id) and wanted & set(command.packages):
                return name, command
        return None

    def _those_of(self, tenant_id: str) -> str:
        names = [name for name, each in self._commands.items() if _is_for(each, tenant_id)]
        return f"There are: {', '.join(sorted(names))}." if names else "It has none."


def _opened(command: StdioCommand) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in command.secrets.items()}


def _is_for(command: StdioCommand, tenant_id: str) -> bool:
    return tenant_id in command.tenants or _ALL in command.tenants


def _compiled(name: str, pattern: str) -> _Pattern:
    try:
        compiled: _Pattern = re2.compile(pattern)
    except re2.error as error:
        raise InvalidInputError(
            f"MILLWRIGHT_STDIO_COMMANDS: the command '{name}' has an argument pattern that is "
            f"none: {pattern!r}."
        ) from error
    return compiled
