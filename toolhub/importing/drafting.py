"""What would be registered: an offer of a document, with all that it asks filled in."""

import re
from dataclasses import dataclass, field
from typing import Final

from toolhub.errors import RegistrationError
from toolhub.importing.document import Argument, Input, NamedInput, Package, Remote
from toolhub.importing.filling import Filling, Place
from toolhub.importing.offers import Offer
from toolhub.schemas import Dialect

STDIO_SCHEME: Final = "stdio:"
# Documents often do not say that these are secret.
_SECRET_NAME: Final = re.compile(r"(?i).*(auth|cookie|key|token|secret|passw|credential|session).*")
_LEFT_OVER: Final = re.compile(r"\{[^{}]*\}")
_PARAMETER: Final = re.compile(r"[?&;]([^=&;?]*)=([^&;#]*)")


@dataclass
class Draft:
    """A registration to be.

    Attributes:
        secret_headers: Those that are given.
        fixed_secrets: Those of them that the document has itself.
        wanted_secrets: Names of the headers that are secret, and whether each is required.
    """

    dialect: Dialect
    url: str
    arguments: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    secret_headers: dict[str, str] = field(default_factory=dict, repr=False)
    fixed_secrets: dict[str, str] = field(default_factory=dict, repr=False)
    wanted_secrets: dict[str, bool] = field(default_factory=dict)


def drafted(offer: Offer, filling: Filling) -> Draft:
    """Make a draft of an offer.

    Raises:
        RegistrationError: It asks for what a registration cannot have.
    """
    match offer.means:
        case Remote() as remote:
            return _remote(remote, filling)
        case Package() as package:
            arguments = [
                each for asked in package.package_arguments for each in _argument(asked, filling)
            ]
            return Draft(Dialect.STDIO, f"{STDIO_SCHEME}{offer.command}", arguments)


def header_place(name: str) -> str:
    """Return where the inputs of a header stand."""
    return f"header {name}"


def _remote(remote: Remote, filling: Filling) -> Draft:
    secret = next((name for name in remote.variables if _is_secret_in(remote, name)), None)
    if secret is not None:
        raise RegistrationError(
            f"The address of this server has a secret in it, '{secret}', and addresses are shown "
            "and logged. Ask whoever runs the server for a header that takes the secret, and "
            "register that address by hand."
        )
    url = filling.with_variables(
        remote.url, remote.variables, Place("address", shown=True), required=True
    )
    if url is not None and (left := _LEFT_OVER.search(url)):
        raise RegistrationError(
            f"The address has '{left[0][:100]}' in it, which the document does not explain in "
            "'variables'. Ask whoever publishes the server, or register its address by hand."
        )
    draft = Draft(Dialect.MCP, url or "")
    for header in remote.headers:
        _header(header, filling, draft)
    return draft


def _is_secret_in(remote: Remote, variable: str) -> bool:
    """Say whether a variable of an address is a secret, by what is said of it or its names."""
    asked, there = remote.variables[variable], f"{{{variable}}}"
    names = [name for name, text in _PARAMETER.findall(remote.url) if there in text]
    if there in remote.url:
        names.append(variable)
    return asked.is_secret or _is_called_secret(asked, *names)


def _is_called_secret(asked: Input, *names: str | None) -> bool:
    """Say whether an input is called like a secret. What the document itself lists is none."""
    if asked.value is not None or asked.choices or asked.format == "boolean":
        return False
    return any(name is not None and _SECRET_NAME.fullmatch(name) for name in names)


def _header(header: NamedInput, filling: Filling, draft: Draft) -> None:
    parts = (header, *header.variables.values())
    names = (header.name, *header.variables)
    secret = (
        any(each.is_secret for each in parts)
        or any(name in filling.secrets for name in names)
        or any(_is_called_secret(asked, name) for name, asked in header.variables.items())
        or header.name.lower() in filling.held
        or _SECRET_NAME.fullmatch(header.name) is not None
    )
    if secret:
        draft.wanted_secrets[header.name] = header.is_required
    asked = len(filling.inputs)
    text = filling.text(header, header.name, Place(header_place(header.name), secret))
    if text is not None:
        (draft.secret_headers if secret else draft.headers)[header.name] = text
        if secret and len(filling.inputs) == asked:
            draft.fixed_secrets[header.name] = text


def _argument(asked: Argument, filling: Filling) -> list[str]:
    if _is_secret_argument(asked):
        raise RegistrationError(
            f"The argument '{asked.name or asked.value_hint or ''}' of this program is a secret, "
            "and arguments are shown. Whoever operates the installation writes it into the "
            "command's 'argv' or 'secrets' in MILLWRIGHT_STDIO_COMMANDS; then register that "
            "command by hand."
        )
    name = asked.name or asked.value_hint or "argument"
    texts = filling.texts(
        asked, name, Place(f"argument {name}", shown=True), several=asked.is_repeated
    )
    if asked.type == "positional" or asked.name is None:
        return texts
    return [part for text in texts for part in _flag(asked.name, text)]


def _is_secret_argument(asked: Argument) -> bool:
    if asked.is_secret or _is_called_secret(asked, asked.name, asked.value_hint):
        return True
    # With variables in its value, the argument's own names say what these are.
    return any(
        each.is_secret or _is_called_secret(each, name, asked.name, asked.value_hint)
        for name, each in asked.variables.items()
    )


def _flag(name: str, text: str) -> list[str]:
    if not text:
        return [name]
    return [f"{name}={text}"] if name.startswith("--") else [name, text]
