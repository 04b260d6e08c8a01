"""Where a call goes and how it logs in: URI templates and authentication policies."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from activities.http.types import Login
from foundation.json import JsonValue
from workflows.definition import AuthenticationSpec, EndpointSpec
from workflows.expressions import Template, expression_in, pieces_of
from workflows.interpreter.compiling import Place, dumped
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame

_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Authentication:
    """A compiled policy: basic or bearer."""

    scheme: str
    properties: Template

    def login(self, value: JsonValue, frame: Frame) -> Login:
        """Fill in the credentials.

        Raises:
            Fault: When one of them is no text.
        """
        found = frame.evaluate(self.properties, value)
        texts = found if isinstance(found, dict) else {}
        username, secret = texts.get("username", ""), texts.get("password", texts.get("token"))
        if not isinstance(username, str) or not isinstance(secret, str):
            raise Fault.of(
                "authentication",
                "The credentials are no text",
                f"The {self.scheme} policy of this call gives no user name or secret.",
            )
        return Login(
            scheme="basic" if self.scheme == "basic" else "bearer", username=username, secret=secret
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A compiled endpoint.

    Attributes:
        uri: Its parts: texts with `{name}`, and expressions.
    """

    uri: Sequence[str | Template]
    authentication: Authentication | None

    def resolve(self, value: JsonValue, frame: Frame) -> tuple[str, Login | None]:
        """Return the URI, its variables filled in from the task's input, and the credentials.

        Raises:
            Fault: When a variable or a credential is missing.
        """
        fields = value if isinstance(value, dict) else {}
        uri = "".join(
            fill_in(part, fields)
            if isinstance(part, str)
            else _computed(part, frame.evaluate(part, value), alone=len(self.uri) == 1)
            for part in self.uri
        )
        login = self.authentication.login(value, frame) if self.authentication else None
        return uri, login


def _computed(part: Template, found: JsonValue, *, alone: bool) -> str:
    """Return what an expression adds to a URI, as it is: it may be a host or half a path."""
    if isinstance(found, str):
        return found
    if alone:
        raise Fault.of("expression", "The endpoint is no text")
    if found is None or isinstance(found, (dict, list)):
        (expression,) = part.expressions
        raise Fault.of(
            "expression",
            "The URI cannot be filled in",
            f"'${{ {expression.source[:100]} }}' must give a text or number.",
        )
    return _spelled(found)


def _spelled(scalar: float | str) -> str:
    return str(scalar).lower() if isinstance(scalar, bool) else str(scalar)


def fill_in(uri: str, fields: Mapping[str, JsonValue]) -> str:
    """Replace `{name}` by the percent-encoded value of a field.

    Raises:
        Fault: When a field is missing or no scalar.
    """

    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        found = fields.get(name)
        if found is None or isinstance(found, (dict, list)):
            raise Fault.of(
                "expression",
                "The URI cannot be filled in",
                f"'{{{name}}}' in {uri} needs a text or number called '{name}' at the top of the "
                "task's input.",
            )
        return quote(_spelled(found), safe="")

    return _VARIABLE.sub(one, uri)


def compile_endpoint(endpoint: EndpointSpec | str, place: Place) -> Endpoint:
    """Compile an endpoint; `use` in its authentication refers to `use.authentications`."""
    uri, policy = (
        (endpoint, None) if isinstance(endpoint, str) else (endpoint.uri, endpoint.authentication)
    )
    return Endpoint(
        uri=_parts(uri, place),
        authentication=compile_authentication(policy, place),
    )


def _parts(uri: str, place: Place) -> Sequence[str | Template]:
    if expression_in(uri) is not None:
        return [place.template(uri)]
    return [
        piece if isinstance(piece, str) else place.template(piece.source, bare=True)
        for piece in pieces_of(uri)
    ]


def compile_authentication(
    policy: AuthenticationSpec | None, place: Place
) -> Authentication | None:
    """Compile an authentication policy, following a reference."""
    if policy is None:
        return None
    if policy.use is not None:
        policy = place.used("authentications", policy.use)
    written: dict[str, Any] = dumped(policy)
    scheme = "basic" if "basic" in written else "bearer"
    return Authentication(scheme, place.template(written[scheme]))
