"""What the adapters take and give: plain facts. What they mean is decided in `toolhub.outcome`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from foundation.json import JsonObject
from security.authority.tokens import Token
from security.mask import Mask
from toolhub.hiding import mask_of
from toolhub.logins.types import Registered
from toolhub.schemas import OnProgress


@dataclass(frozen=True, kw_only=True)
class Program:
    """A server that is a program on this machine, as it was registered.

    Attributes:
        server_id: Of the registration: others have processes of their own.
        command: A name of the installation's list.
        arguments: Added to those that the list has.
    """

    tenant_id: str
    server_id: str
    command: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A server, as far as sending to it goes.

    Attributes:
        tenant_id: Whose request goes there.
        label: How messages call it: the registered name, or the host of an address.
        headers: The credential, and nobody else's.
        plain_headers: Sent, too, and no secret.
        query: A credential that the server wants in its address; added where nobody writes it down.
        version: Protocol version that discovery negotiated; None: negotiate now.
        oldest: The oldest version that will do, when it is negotiated.
        program: What to start, when it has no address.
        registered: Where it comes from, when that may know another credential, or tokens.
        token: That of `headers`, when they hold one.
    """

    tenant_id: str
    label: str
    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    plain_headers: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    oldest: str | None = None
    program: Program | None = None
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    registered: Registered | None = None
    token: Token | None = None

    @cached_property
    def mask(self) -> Mask:
        """What hides the credential in all that the server says."""
        return mask_of((*self.headers.values(), *self.query.values()))


@dataclass(frozen=True, kw_only=True)
class Message:
    """One request to a server.

    Attributes:
        headers: What the protocol wants repeated in headers, for gateways on the way.
        max_bytes: Largest answer; of an event stream, the largest event.
        takes_tasks: The server may answer with a task, which somebody will ask for.
        takes_questions: The server may ask something, which somebody will answer.
        ids_after: The request has an id behind this one: what goes on has another than before.
    """

    method: str
    params: JsonObject
    timeout_s: float
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_bytes: int | None = None
    client: tuple[str, str] | None = None
    on_progress: OnProgress | None = None
    takes_tasks: bool = False
    takes_questions: bool = False
    ids_after: int = 0


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What happened on the wire.

    Attributes:
        result: The JSON-RPC result.
        requested: Whether the message itself was handed over; false while still negotiating.
        status: HTTP status of the last answer.
        content_type: Of the last answer.
        retry_after: That header, as it came.
        www_authenticate: What a server that refuses a credential says it wants, as it came.
        location: Where a redirect pointed, without query.
        rpc_code: Code of a JSON-RPC error, from the server or from the SDK.
        rpc_message: Its message.
        fault: What broke the exchange off.
        timed_out: The time was over.
        protocol: What was negotiated, for the registry.
        tools_changed: The server said meanwhile that its tools have.
    """

    result: JsonObject | None = None
    requested: bool = False
    status: int | None = None
    content_type: str = ""
    retry_after: str | None = None
    www_authenticate: str | None = None
    location: str | None = None
    rpc_code: int | None = None
    rpc_message: str = ""
    fault: Exception | None = None
    timed_out: bool = False
    protocol: JsonObject | None = None
    tools_changed: bool = False


class UnreadableAnswerError(Exception):
    """An answer that is not what its protocol says answers are."""


class VersionMismatchError(Exception):
    """The server speaks no version of the protocol that will do."""


class ProgramError(Exception):
    """What can become of a server that is a program."""


class ProgramNotAllowedError(ProgramError):
    """It is not on the list, or not for this tenant, or not with these arguments."""


class ProgramNotStartedError(ProgramError):
    """It did not come so far that it could be asked anything."""


class ProgramsBusyError(ProgramError):
    """As many run as may, and none became free in time; it was not asked anything."""


class ProgramEndedError(ProgramError):
    """It ended, or closed its pipes."""


class Wire(Protocol):
    """Sends one message and reports what happened; raises nothing for what servers do."""

    async def send(self, to: Destination, message: Message) -> Exchange:
        """Exchange one message."""
        ...
