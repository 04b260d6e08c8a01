"""Asking a server whose tokens it takes, without having one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from foundation.errors import MillwrightError
from security.authority.errors import AuthorityAwayError, IssuerError, LoginError
from security.egress import WayOut
from toolhub.failures import Attempt, failure
from toolhub.logins.challenges import challenge_of
from toolhub.logins.metadata import Resource, check_safe, resource_at, resource_of
from toolhub.outcome import Kind, classify
from toolhub.wire.exchange import Destination, Exchange, Message, Wire

_ASK_S: Final = 15.0
# Asking the server, and reading what it names.
_WHOLE_S: Final = 40.0
_MAX_BYTES: Final = 1024 * 1024
_UNSEEN: Final = frozenset({Kind.NOT_ALLOWED, Kind.UNREACHABLE})


@dataclass(frozen=True)
class Wanted:
    """What is known about the tokens of a server without asking it."""

    issuer: str | None
    resource: str | None
    scopes: tuple[str, ...] | None


@dataclass(frozen=True)
class Whose:
    """Whose tokens a server takes, for whom they are, and with which scopes."""

    issuer: str
    resource: str
    scopes: tuple[str, ...]


async def ask_whose(way: WayOut, wire: Wire, to: Destination, wanted: Wanted) -> Whose:
    """Ask a server, without logging in, whose tokens it takes.

    Raises:
        CallError: It cannot be asked.
        IssuerError: It is, or names, somebody else than it should.
        LoginError: It does not say it.
        AuthorityAwayError: It does not say it now.
        EgressRefusedError: This installation does not send requests there.
    """
    bare = Destination(tenant_id=to.tenant_id, label=to.label, endpoint=to.endpoint)
    message = Message(method="tools/list", params={}, timeout_s=_ASK_S, max_bytes=_MAX_BYTES)
    exchange = await wire.send(bare, message)
    outcome = classify(exchange, repeatable=True)
    if outcome.kind in _UNSEEN:
        raise failure(attempt_of(to), outcome, exchange)
    challenge = challenge_of(exchange.www_authenticate)
    found = await resource_at(way, to.endpoint, challenge.resource_metadata)
    scopes = challenge.scopes
    if scopes is None and found is not None:
        scopes = found.scopes_supported
    issuer = _issuer(wanted.issuer, found)
    check_safe(issuer, like=to.endpoint, shown=f"The MCP server '{to.label}'")
    return Whose(
        issuer=issuer,
        resource=wanted.resource or (found.resource if found else resource_of(to.endpoint)),
        scopes=wanted.scopes if wanted.scopes is not None else (scopes or ()),
    )


def _issuer(given: str | None, resource: Resource | None) -> str:
    named = resource.authorization_servers if resource else ()
    if given is not None:
        if resource is not None and given not in named:
            raise IssuerError(
                f"It does not take tokens of {given[:200]!a}. It names: {_listed(named)}. An "
                "issuer has to be written to the letter."
            )
        return given
    if len(named) != 1:
        what = f"several: {_listed(named)}" if named else "none"
        raise LoginError(
            f"Of authorization servers whose tokens it takes it names {what}. Write 'issuer' or "
            "'token_endpoint' to the credential."
        )
    return named[0]


def _listed(issuers: tuple[str, ...]) -> str:
    return ", ".join(issuers)[:300]


@asynccontextmanager
async def in_words(to: Destination) -> AsyncIterator[None]:
    """Surround what is asked about tokens of a server: its errors are told as those of a call.

    Raises:
        CallError: For every way in which there is no token.
    """
    try:
        async with asyncio.timeout(_WHOLE_S):
            yield
    except TimeoutError:
        late = AuthorityAwayError(f"'{to.label}' does not say in time whose tokens it takes.")
        raise _failed(to, late) from None
    except MillwrightError as error:
        raise _failed(to, error) from error


def attempt_of(to: Destination) -> Attempt:
    """Return what was tried, for messages."""
    return Attempt(to, "the request 'tools/list'", _ASK_S, repeatable=True)


def _failed(to: Destination, error: MillwrightError) -> MillwrightError:
    exchange = Exchange(fault=error)
    outcome = classify(exchange, repeatable=True)
    if outcome.kind is Kind.NOT_MCP:
        return error  # it has words of its own
    return failure(attempt_of(to), outcome, exchange)
