"""Reading addresses that somebody gave us: only what every parser reads alike is one."""

import re
from ipaddress import ip_address
from typing import Final

import httpx2

from security.egress.errors import EgressRefusedError
from security.egress.public_addresses import plain

LAST_PORT: Final = 65_535
_HOST: Final = re.compile(rb"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
# What no URL needs and what different parsers read differently.
_CONFUSING: Final = re.compile(r"[\x00-\x20\\\x7f-\xa0]")
# The last label of a host that resolvers take for an address: `127.1`, `0x7f000001`, `2130706433`.
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_PORTS: Final = {"http": 80, "https": 443}


def check_url(text: str) -> httpx2.URL:
    """Read an address somebody gave us to send requests to, before anything is stored or sent.

    Raises:
        EgressRefusedError: When it is not a plain http(s) URL without credentials.
    """
    if _CONFUSING.search(text):
        raise EgressRefusedError("A URL has no spaces, backslashes or control characters.")
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise EgressRefusedError(f"This is not a URL: {error}.") from error
    check_parsed(url)
    return url


def check_parsed(url: httpx2.URL) -> None:
    """Refuse what no request of ours looks like.

    Raises:
        EgressRefusedError: Names what is wrong.
    """
    if url.scheme not in _PORTS:
        raise EgressRefusedError(f"Requests go to http or https, not to '{url.scheme[:20]}:'.")
    if url.userinfo:
        raise EgressRefusedError(
            f"The URL for '{url.host}' carries a user name or password. Send credentials in the "
            "request's authentication instead."
        )
    if not is_host(url.raw_host):
        raise EgressRefusedError("The URL names no host, or one with characters no host has.")
    host_name(url.raw_host.decode())
    if url.port is not None and not is_port(url.port):
        raise EgressRefusedError(f"There is no port {url.port}: ports are 1 to {LAST_PORT}.")


def is_host(raw: bytes) -> bool:
    """Tell whether it can be a host, as it travels: a name in ASCII, or an address."""
    return _HOST.fullmatch(raw) is not None


def is_port(port: int) -> bool:
    """Tell whether it is a port that can be dialled."""
    return 0 < port <= LAST_PORT


def port_of(url: httpx2.URL) -> int:
    """Return the port of a checked URL, also where it is not written."""
    return url.port or _PORTS[url.scheme]


def host_name(host: str) -> str:
    """Return the one spelling of a host that rules are compared with.

    Raises:
        EgressRefusedError: It is an address in a spelling that only some understand.
    """
    spelled = host.lower().removesuffix(".")
    try:
        return str(plain(spelled))
    except ValueError:
        pass
    if _NUMBER.fullmatch(spelled.rpartition(".")[2]):
        raise EgressRefusedError(
            f"'{host[:100]}' is an address in a spelling that not everybody reads alike. Write "
            "four numbers with dots, like 192.0.2.10."
        )
    return spelled


def is_address(host: str) -> bool:
    """Tell whether a host is an address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
