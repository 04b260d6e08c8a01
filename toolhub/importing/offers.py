"""The ways to a server that a document names, and which of them can be taken here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from foundation.errors import MillwrightError
from foundation.settings import StdioCommand
from toolhub.errors import ProgramsForbiddenError, RegistrationError, ServerNotAllowedError
from toolhub.importing.document import Package, Remote, ServerDocument
from toolhub.wire.stdio.commands import Commands

HTTP: Final = "streamable-http"
_STDIO: Final = "stdio"
_SHOWN: Final = 200


@dataclass(frozen=True)
class Offer:
    """One of them.

    Attributes:
        choose: How it is called: `remotes/0`.
        what: The address or the package.
        means: The remote, or the package that runs as a command of the installation's list.
        command: That command.
        problem: Why it cannot be taken.
        error: What that is, for whoever wants to.
    """

    choose: str
    kind: str
    what: str
    means: Remote | Package
    command: str = ""
    problem: str | None = None
    error: type[MillwrightError] = RegistrationError


def offers_of(
    document: ServerDocument, programs: Commands, tenant_id: str, *, may_programs: bool
) -> list[Offer]:
    """List what a document offers.

    Args:
        document: The document.
        programs: The installation's list.
        tenant_id: Who wants to register it.
        may_programs: Whoever imports it may register programs.
    """
    remotes = [_remote(f"remotes/{n}", each) for n, each in enumerate(document.remotes)]
    packages = [
        _package(f"packages/{n}", each, programs, tenant_id, may_programs=may_programs)
        for n, each in enumerate(document.packages)
    ]
    return [*remotes, *packages]


def chosen(offers: Sequence[Offer], choose: str | None) -> Offer:
    """Return the one that is meant.

    Raises:
        RegistrationError: None or several of them will do.
        ProgramsForbiddenError, ServerNotAllowedError: The one that is meant will not.
    """
    if not offers:
        raise RegistrationError(
            "The document names no address and no package: there is nothing to register."
        )
    if choose is not None:
        meant = [offer for offer in offers if offer.choose == choose]
        if not meant:
            raise RegistrationError(f"There is no '{choose}' in the document. {_listed(offers)}")
    else:
        meant = [offer for offer in offers if offer.problem is None] or list(offers)
    if len(meant) > 1 and meant[0].problem is None:
        raise RegistrationError(f"Several will do; say which in 'choose'. {_listed(meant)}")
    if len(meant) > 1:
        raise RegistrationError(f"None of what the document names will do. {_listed(meant)}")
    offer = meant[0]
    if offer.problem is not None:
        raise offer.error(f"'{offer.choose}' cannot be imported: {offer.problem}.")
    return offer


def _listed(offers: Sequence[Offer]) -> str:
    said = [
        f"{offer.choose} ({offer.kind}, {offer.what})"
        + (f": {offer.problem}" if offer.problem else "")
        for offer in offers
    ]
    return f"There are: {'; '.join(said)}."


def _remote(choose: str, remote: Remote) -> Offer:
    offer = Offer(choose, remote.type[:_SHOWN], remote.url[:_SHOWN], remote)
    if remote.type == HTTP:
        return offer
    if remote.type == "sse":
        return _refused(
            offer,
            "the transport 'sse' left the protocol with its revision 2025-03-26 and is not spoken "
            f"here. Ask whoever runs the server for its '{HTTP}' address",
        )
    return _refused(offer, f"the transport '{offer.kind}' is not known. Known: {HTTP}")


def _package(
    choose: str, package: Package, programs: Commands, tenant_id: str, *, may_programs: bool
) -> Offer:
    version = f"@{package.version}" if package.version else ""
    what = f"{package.identifier}{version}"[:_SHOWN]
    offer = Offer(choose, package.registry_type[:_SHOWN], what, package)
    if package.transport.type != _STDIO:
        return _refused(
            offer,
            f"the program speaks '{package.transport.type[:_SHOWN]}' at an address of its own. "
            "Start it yourself, then register that address",
        )
    found = programs.for_package(
        tenant_id, package.registry_type, package.identifier, package.version
    )
    if found is None:
        listed = f"{package.registry_type}:{what}"[:_SHOWN]
        return _refused(
            offer,
            "nothing is installed by an import, and no command of this installation runs this "
            "package. Whoever operates it installs the package and lists a command in "
            f'MILLWRIGHT_STDIO_COMMANDS with "packages": ["{listed}"]',
            ServerNotAllowedError,
        )
    name, command = found
    if lacking := _lacking(package, command):
        return _refused(
            offer,
            f"the command '{name}' lacks the environment variables {', '.join(lacking)}. Whoever "
            "operates the installation adds them to its 'environment' or 'secrets' in "
            "MILLWRIGHT_STDIO_COMMANDS",
            ServerNotAllowedError,
        )
    if not may_programs:
        return _refused(
            offer,
            "it is a program, and that needs the permission 'mcp:programs'. Ask an administrator "
            "to import it",
            ProgramsForbiddenError,
        )
    return replace(offer, command=name)


def _lacking(package: Package, command: StdioCommand) -> list[str]:
    """Name the variables that the program has to have and does not get."""
    return [
        each.name[:_SHOWN]
        for each in package.environment_variables
        if (each.is_required or each.value is not None)
        and each.name not in command.environment
        and each.name not in command.secrets
    ]


def _refused(offer: Offer, why: str, error: type[MillwrightError] = RegistrationError) -> Offer:
    return replace(offer, problem=why, error=error)
