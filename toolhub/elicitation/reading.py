"""What a server asks, as it can be put to people. Everything in it is a stranger's."""

from typing import Final
from urllib.parse import urlsplit

from foundation.json import JsonObject, JsonValue
from security.mask import Mask
from toolhub.elicitation.forms import UnaskableError, form_of
from toolhub.elicitation.types import Asked

# In one round; each is a decision of its own.
MAX_ASKED: Final = 5
MAX_STATE_CHARS: Final = 64 * 1024
_MAX_ID: Final = 200
_MAX_MESSAGE: Final = 2_000
_MAX_TEXT: Final = 300
_MAX_URL: Final = 2_000
# Where a plant tries things out, on one machine.
_OWN_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def asked_by(found: JsonObject, mask: Mask) -> list[Asked]:
    """Read the questions of a result.

    Args:
        mask: Hides our own credential.

    Raises:
        UnaskableError: One of them, or what belongs to them, cannot be put to people.
    """
    state, requests = found.get("requestState"), found.get("inputRequests", {})
    if state is not None and (not isinstance(state, str) or len(state) > MAX_STATE_CHARS):
        raise UnaskableError(f"its state is no text of at most {MAX_STATE_CHARS:,} characters")
    if not isinstance(requests, dict) or (not requests and state is None):
        raise UnaskableError("it names no question")
    if len(requests) > MAX_ASKED:
        raise UnaskableError(f"it asks more than {MAX_ASKED} things at once")
    return [_one(id_, each, mask) for id_, each in requests.items()]


def _one(id_: str, request: JsonValue, mask: Mask) -> Asked:
    if len(id_) > _MAX_ID:
        raise UnaskableError(f"the name of a question has more than {_MAX_ID} characters")
    match request:
        case {"method": "elicitation/create", "params": dict(params)}:
            return _question(id_, params, mask)
        case {"method": "sampling/createMessage"}:
            raise UnaskableError("it wants a language model to write (sampling/createMessage)")
        case {"method": "roots/list"}:
            raise UnaskableError("it wants the folders it may work in (roots/list)")
        case _:
            raise UnaskableError("it wants something that MCP does not know")


def _question(id_: str, params: JsonObject, mask: Mask) -> Asked:
    message = params.get("message")
    if not isinstance(message, str) or not message.strip():
        raise UnaskableError("it asks without words")
    words = _shown(message, mask, _MAX_MESSAGE)
    match params.get("mode", "form"):
        case "form":
            form = form_of(
                params.get("requestedSchema"), lambda text: _shown(text, mask, _MAX_TEXT)
            )
            return Asked(id=id_, message=words, form=form)
        case "url":
            url, host = _address(params.get("url"), mask)
            return Asked(id=id_, message=words, url=url, host=host)
        case _:
            raise UnaskableError("it asks in a way that MCP does not know")


def _address(url: JsonValue, mask: Mask) -> tuple[str, str]:
    """Return an address and its host, when it can be shown as what it is."""
    if not isinstance(url, str) or len(url) > _MAX_URL or not url.isascii():
        raise UnaskableError("its address is none, too long, or not spelled in ASCII")
    if not url.isprintable() or " " in url or "\\" in url or mask.text(url) != url:
        raise UnaskableError("its address holds what must not stand in one")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise UnaskableError("its address is none") from None
    if not host or "@" in parts.netloc:
        raise UnaskableError("its address has no host, or somebody's name before it")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in _OWN_HOSTS):
        raise UnaskableError("its address does not begin with https://")
    return url, host


def _shown(text: str, mask: Mask, most: int) -> str:
    """Make a text fit to be shown: bounded, without our credential and without tricks."""
    line = " ".join(mask.cut_text(text[: most * 4]).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= most else f"{line[: most - 1]}…"
