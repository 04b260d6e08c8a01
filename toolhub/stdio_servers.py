"""Whether a program may be registered as a server: by whom, which, with what."""

from toolhub.directory import STDIO_SCHEME, program_of
from toolhub.errors import ProgramsForbiddenError, RegistrationError, ServerNotAllowedError
from toolhub.models import McpServer
from toolhub.wire.exchange import ProgramNotAllowedError
from toolhub.wire.stdio.commands import Commands


def check_program(programs: Commands, server: McpServer, *, allowed: bool) -> None:
    """Check a registration.

    Args:
        programs: The installation's list.
        server: What would be stored.
        allowed: Whether whoever asks for it may register programs.

    Raises:
        ProgramsForbiddenError: It may not.
        RegistrationError: The parts do not fit together.
        ServerNotAllowedError: The list does not have it.
    """
    if not allowed:
        raise ProgramsForbiddenError(
            f"The MCP server '{server.name}' is a program, and that needs the permission "
            "'mcp:programs'. Ask an administrator to register or change it."
        )
    if not server.url.startswith(STDIO_SCHEME) or server.path:
        raise RegistrationError(
            f"A server that speaks 'stdio' has no address: write the name of its command as 'url', "
            f"like '{STDIO_SCHEME}time', and no 'path'."
        )
    if server.credential_kind != "none":
        raise RegistrationError(
            "A program takes no credential of a registration: what it needs to log in is "
            "'secrets' of its command in MILLWRIGHT_STDIO_COMMANDS."
        )
    try:
        programs.allowed(program_of(server))
    except ProgramNotAllowedError as error:
        raise ServerNotAllowedError(
            f"The MCP server '{server.name}' cannot be registered. {error}"
        ) from error
