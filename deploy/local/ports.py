"""Ports: which are free, and a clear word about one that is not."""

import socket
from dataclasses import dataclass

from foundation.errors import ConflictError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Wanted:
    """A port that something is about to listen on.

    Attributes:
        purpose: Who wants it, for example "The API".
        change: How to choose another one, for example "--api-port or MILLWRIGHT_API_PORT".
    """

    port: int
    purpose: str
    change: str
    host: str = LOOPBACK


def free_port() -> int:
    """Find a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Tell whether we could listen there. Connections that just ended are no obstacle."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def is_open(host: str, port: int) -> bool:
    """Tell whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def require_free(wanted: list[Wanted]) -> None:
    """Let everything start, or nothing.

    Raises:
        ConflictError: Naming every port that is taken or wanted twice, who wants it and how to
            change that.
    """
    first: dict[int, Wanted] = {}
    problems = []
    for want in wanted:
        if (other := first.setdefault(want.port, want)) is not want:
            problems.append(f"Port {want.port} is wanted twice. {_advice(want, other)}")
        elif not is_free(want.host, want.port):
            problems.append(f"Port {want.port} is taken. {_advice(want)}")
    if problems:
        raise ConflictError("\n".join([*problems, "Nothing was started."]))


def _advice(want: Wanted, other: Wanted | None = None) -> str:
    by = f" (and {other.purpose})" if other else ""
    return f"{want.purpose}{by} wants it: choose another with {want.change}, or stop what uses it."
