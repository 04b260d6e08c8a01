"""Where an agent is, and what it speaks there: its card, read over HTTP and kept for a few minutes.

A card is the word of whoever answers at an address. It may offer several interfaces; it may not
have the login of a call, or anything that the call computes from a secret, sent to another origin
than the one that the author of the definition wrote down.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias

import httpx2
from cachetools import TTLCache

from activities.a2a.errors import CardError, CardUnreadError, ForeignAgentError
from activities.a2a.protocol import V0_3, Protocol, protocol_of
from activities.a2a.types import A2aCall, Address
from activities.http.exchange import exchange
from activities.http.types import HttpCall
from activities.logins.types import Login
from foundation.errors import MillwrightError
from foundation.json import JsonObject, JsonValue
from security.egress import Egress, EgressRefusedError, check_url

WELL_KNOWN: Final = "/.well-known/agent-card.json"
# A card changes with a deployment, not with a request.
KEEP_S: Final = 300
# A server without a card is asked itself, at the address that the author wrote.
_NO_CARD: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})
_JSON_RPC: Final = "JSONRPC"
_SHOWN: Final = 10
_SHOWN_CHARS: Final = 200
_PORTS: Final = {"http": 80, "https": 443}
_Key: TypeAlias = tuple[str, str, Address, Login | None]


@dataclass(frozen=True)
class Interface:
    """One way to reach an agent.

    Attributes:
        binding: `JSONRPC`, `GRPC` or `HTTP+JSON`.
        version: Of the protocol, as the card has it.
        tenant: Whom the address serves; agents for many have one address for all.
    """

    url: str
    binding: str
    version: str
    tenant: str | None = None


@dataclass(frozen=True)
class Agent:
    """Where to send a request, and how to spell it."""

    url: str
    protocol: Protocol
    tenant: str | None = None


class Cards:
    """What agents offer."""

    def __init__(self, egress: Egress) -> None:
        self.egress = egress
        # The tenant is part of the key: a card may differ by who asks.
        self._kept: TTLCache[_Key, Sequence[Interface]] = TTLCache(128, KEEP_S, time.monotonic)

    async def agent(self, call: A2aCall, *, confidential: bool) -> Agent:
        """Return where a call goes.

        Args:
            confidential: The call carries a login or a secret.

        Raises:
            CardUnreadError: When there is no card to read.
            CardError: When the card offers nothing that is spoken here.
            ForeignAgentError: When the card sends a confidential call to another origin.
        """
        interfaces = self._kept.get(_key(call))
        if interfaces is None:
            interfaces = self._kept[_key(call)] = await self._read(call)
        return choose(interfaces, call, confidential=confidential)

    def forget(self, call: A2aCall) -> None:
        """Read the card again next time: the agent may have moved."""
        self._kept.pop(_key(call), None)

    async def _read(self, call: A2aCall) -> Sequence[Interface]:
        uri = call.uri if call.address == "card" else _well_known(call.uri)
        request = HttpCall(
            tenant_id=call.tenant_id,
            method="GET",
            uri=uri,
            headers={"accept": "application/json"},
            login=call.login,
            timeout_s=call.timeout_s,
        )
        try:
            content = await exchange(self.egress, request)
        except MillwrightError as error:
            status = getattr(error, "upstream_status", None)
            if call.address == "server" and status in _NO_CARD:
                return [Interface(call.uri, _JSON_RPC, V0_3.version)]
            raise CardUnreadError.of(error, "The agent's card cannot be read. ") from error
        return list(_interfaces(_card(content, uri), uri))


def _key(call: A2aCall) -> _Key:
    return call.tenant_id, call.uri, call.address, call.login


def _well_known(uri: str) -> str:
    """Return where the card of a server is: below its own path, for servers that share a host."""
    try:
        url = check_url(uri)
    except EgressRefusedError as error:
        raise CardUnreadError.of(error) from error
    return str(url.copy_with(path=url.path.rstrip("/") + WELL_KNOWN, query=None, fragment=None))


def _card(content: JsonValue, uri: str) -> JsonObject:
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except (ValueError, RecursionError):
            content = None
    if not isinstance(content, dict) or not ({"url", "supportedInterfaces"} & content.keys()):
        raise CardError(
            f"{_shown(uri)} is no agent's card: it is no JSON object with 'url' or "
            "'supportedInterfaces'. Check the address."
        )
    return content


def _interfaces(card: JsonObject, uri: str) -> Iterator[Interface]:
    """List what a card offers; 1.0 has a list, 0.3 has a main address and further ones."""
    listed = card.get("supportedInterfaces")
    if listed is not None:
        yield from (
            Interface(
                url=_text(each, "url", uri),
                binding=_text(each, "protocolBinding", uri),
                version=_text(each, "protocolVersion", uri, "1.0"),
                tenant=_text(each, "tenant", uri, "") or None,
            )
            for each in _objects(listed, uri)
        )
        return
    version = _text(card, "protocolVersion", uri, "0.3")
    main = _text(card, "preferredTransport", uri, _JSON_RPC)
    yield Interface(_text(card, "url", uri), main, version)
    for each in _objects(card.get("additionalInterfaces") or [], uri):
        yield Interface(_text(each, "url", uri), _text(each, "transport", uri), version)


def _objects(value: JsonValue, uri: str) -> Iterator[JsonObject]:
    for each in value if isinstance(value, list) else [None]:
        if not isinstance(each, dict):
            raise CardError(f"The agent's card at {_shown(uri)} has no proper list of interfaces.")
        yield each


def _text(part: JsonObject, name: str, uri: str, default: str | None = None) -> str:
    value = part.get(name)
    value = default if value is None else value
    if not isinstance(value, str):
        raise CardError(f"In the agent's card at {_shown(uri)}, '{name}' is missing or no text.")
    return value


def choose(interfaces: Sequence[Interface], call: A2aCall, *, confidential: bool) -> Agent:
    """Pick the interface for a call: of those that are spoken here, the best.

    0.3 is preferred, because definitions are written in it; but for methods that it does not have.

    Raises:
        CardError: When none is spoken here.
        ForeignAgentError: When a confidential call would go to another origin.
    """
    spoken = [
        (each, protocol)
        for each in interfaces
        if each.binding.upper() == _JSON_RPC and (protocol := protocol_of(each.version))
    ]
    if not spoken:
        offered = [_shown(f"{each.binding} {each.version}") for each in interfaces[:_SHOWN]]
        raise CardError(
            f"The agent of {_shown(call.uri)} offers {', '.join(offered) or 'nothing'}. Spoken "
            "here is JSONRPC in the versions 0.3 and 1.0."
        )
    spoken.sort(key=lambda pair: (call.method in pair[1].missing, pair[1] is not V0_3))
    agents = [Agent(each.url, protocol, each.tenant) for each, protocol in spoken]
    if not confidential:
        return agents[0]
    ours = _origin(call.uri)
    at_home = [agent for agent in agents if _origin(agent.url) == ours]
    if not at_home:
        raise ForeignAgentError(
            f"The card of {_shown(call.uri)} says that the agent is at {_shown(agents[0].url)}. "
            f"That is not {ours}, for which the login and the secrets of this call are meant, so "
            "nothing was sent. If it is the agent's address, write that one into the definition."
        )
    return at_home[0]


def _origin(uri: str) -> str:
    """Return scheme, host and port; for what is no address something that equals no other."""
    try:
        url = httpx2.URL(uri)
    except httpx2.InvalidURL:
        return f"'{_shown(uri)}'"
    port = url.port or _PORTS.get(url.scheme, 0)
    return f"{url.scheme}://{url.host}:{port}"


def _shown(uri: str) -> str:
    """Return an address without its query, which may carry personal data or a key."""
    text = uri.partition("?")[0][:_SHOWN_CHARS]
    return "".join(char if char.isprintable() else "?" for char in text)
