"""What a tool asks back, in words. Nobody answers here: it says what the arguments left open."""

from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from foundation.json import JsonObject, JsonValue

# So much fits into a message; more only says that there is more.
_QUESTIONS: Final = 3
_FIELDS: Final = 10


def described(found: JsonObject | None) -> str:
    """Name the questions of a result, or of a task's state; these are the server's own words.

    Returns:
        `"Which line?" (line, shift)`; nothing when it names none.
    """
    requests = (found or {}).get("inputRequests")
    if not isinstance(requests, dict):
        return ""
    told = [_told(each) for each in islice(requests.values(), _QUESTIONS)]
    return _listed(told, len(requests), "; ")


def _told(request: JsonValue) -> str:
    match request:
        case {"method": "elicitation/create", "params": dict(params)}:
            url = params.get("url") if params.get("mode") == "url" else None
            more = f"on a page of {_host(url)}" if isinstance(url, str) else _fields(params)
            return f"{_message(params)} ({more})" if more else _message(params)
        case {"method": "sampling/createMessage"}:
            return "what a language model writes (sampling/createMessage)"
        case {"method": "roots/list"}:
            return "the folders it may work in (roots/list)"
        case _:
            return "something that MCP does not know"


def _message(params: JsonObject) -> str:
    message = params.get("message")
    return f'"{message}"' if isinstance(message, str) and message else "something without words"


def _host(url: str) -> str:
    """Return the host of an address that is never asked for."""
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no host"


def _fields(params: JsonObject) -> str:
    match params.get("requestedSchema"):
        case {"properties": dict(properties)}:
            return _listed(list(islice(properties, _FIELDS)), len(properties), ", ")
        case _:
            return ""


def _listed(told: list[str], total: int, between: str) -> str:
    more = [f"{total - len(told)} more"] if total > len(told) else []
    return between.join([*told, *more])
