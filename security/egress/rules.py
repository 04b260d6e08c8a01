"""Rules about hosts: what may be asked, and what must not, whatever its address is.

A rule is written like a source of a Content Security Policy: a host, before it perhaps a scheme,
after it perhaps a port. `*.plant.example` is every host below `plant.example`, `*` is every host.
What a rule leaves out does not matter to it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import httpx2
from typing_extensions import override

from foundation.errors import InvalidInputError
from security.egress.addresses import LAST_PORT, host_name, is_host
from security.egress.errors import EgressRefusedError

MAX_CHARS: Final = 300
ANY: Final = "*"
_RULE: Final = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,19})://)?"
    r"(?P<host>\*|\[[0-9A-Fa-f:.]{2,45}\]|(?:\*\.)?[^\s/?#@:\[\]*\\%]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        scheme: In small letters; None: any.
        host: As `host_name` spells it; `*.` before it: those below; `*`: any.
        port: None: any.
    """

    scheme: str | None
    host: str
    port: int | None

    @override
    def __str__(self) -> str:
        """Return the one way to write it."""
        before = f"{self.scheme}://" if self.scheme else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{before}{host}{'' if self.port is None else f':{self.port}'}"

    def fits(self, scheme: str, host: str, port: int) -> bool:
        """Tell whether it is about a connection."""
        if self.scheme not in (None, scheme) or self.port not in (None, port):
            return False
        if self.host.startswith("*."):
            return host.endswith(self.host[1:])
        return self.host in (ANY, host)


def read_rule(text: str) -> Rule:
    """Read a rule.

    Raises:
        InvalidInputError: It is none.
    """
    found = _RULE.fullmatch(text) if len(text) <= MAX_CHARS else None
    if found is None:
        raise _no_rule(text)
    port = None if found["port"] is None else int(found["port"])
    if port is not None and not 0 < port <= LAST_PORT:
        raise _no_rule(text)
    scheme = found["scheme"]
    return Rule(scheme.lower() if scheme else None, _host(text, found["host"]), port)


def _host(text: str, written: str) -> str:
    if written == ANY:
        return ANY
    below = "*." if written.startswith("*.") else ""
    bare = written.removeprefix("*.").strip("[]")
    try:
        # In ASCII, as it travels.
        host = written if ":" in bare else f"http://{bare}/"
        raw = bare.encode() if ":" in bare else httpx2.URL(host).raw_host
        if not is_host(raw):
            raise _no_rule(text)
        return below + host_name(raw.decode())
    except (httpx2.InvalidURL, EgressRefusedError) as error:
        raise _no_rule(text) from error


def _no_rule(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"'{text[:100]}' is no rule about hosts. Write a host, perhaps with a scheme before it and "
        "a port after it: 'api.example.com', '*.plant.example', 'https://mes.plant.example:8443'."
    )


@dataclass(frozen=True)
class Rules:
    """What somebody has said about hosts: what is denied is refused, whatever is allowed.

    Attributes:
        whose: Who has said it, in messages.
        change: How that is changed, in messages.
        allow: Nothing but this; empty: everything.
        deny: Nothing of this.
    """

    whose: str
    change: str
    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()

    def refusal(self, scheme: str, host: str, port: int) -> str | None:
        """Say why a connection is not made; None when it may be.

        Args:
            scheme: What is spoken: http, https, grpc, mqtt, mqtts.
            host: As `host_name` spells it.
            port: Where.
        """
        for rule in self.deny:
            if rule.fits(scheme, host, port):
                return (
                    f"Requests to '{host}', port {port}, are denied by {self.whose}: the rule is "
                    f"'{rule}'. {self.change}"
                )
        if not self.allow or any(rule.fits(scheme, host, port) for rule in self.allow):
            return None
        return (
            f"Requests over {scheme} to '{host}', port {port}, are not among those that "
            f"{self.whose} allows. {self.change}"
        )


class RuleSource(Protocol):
    """Knows the rules of tenants."""

    async def of(self, tenant_id: str) -> Rules | None:
        """Return the rules of a tenant; None when it has none.

        Raises:
            EgressUnknownError: They cannot be read, so nobody knows what they are.
        """
        ...

    def forget(self, tenant_id: str) -> None:
        """Look a tenant's rules up again at its next request."""
        ...


class _Unruled:
    async def of(self, tenant_id: str) -> Rules | None:  # noqa: ARG002 - none for anybody
        return None

    def forget(self, tenant_id: str) -> None:
        pass


# For whoever has no tenants: tests, and measurements.
UNRULED: Final[RuleSource] = _Unruled()


def read_rules(texts: Sequence[str]) -> tuple[Rule, ...]:
    """Read rules, each once.

    Raises:
        InvalidInputError: One of them is none.
    """
    return tuple(dict.fromkeys(map(read_rule, texts)))
