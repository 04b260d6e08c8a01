"""Where a call goes and how it logs in: URI templates and authentication policies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from activities.http.types import Login
from foundation.json import JsonValue
from workflows.definition import AuthenticationSpec, EndpointSpec
from workflows.expressions import Template, compile_template, expression_in
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
    """A compiled endpoint."""

    uri: Template
    fixed: bool
    authentication: Authentication | None

    def resolve(self, value: JsonValue, frame: Frame) -> tuple[str, Login | None]:
        """Return the URI, its variables filled in from the task's input, and the credentials.

        Raises:
            Fault: When a variable or a credential is missing.
        """
        uri = frame.evaluate(self.uri, value)
        if not isinstance(uri, str):
            raise Fault.of("expression", "The endpoint is no text")
        if self.fixed:
            uri = fill_in(uri, value if isinstance(value, dict) else {})
        login = self.authentication.login(value, frame) if self.authentication else None
        return uri, login


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
        text = str(found).lower() if isinstance(found, bool) else str(found)
        return quote(text, safe="")

    return _VARIABLE.sub(one, uri)


def compile_endpoint(endpoint: EndpointSpec | str, place: Place) -> Endpoint:
    """Compile an endpoint; `use` in its authentication refers to `use.authentications`."""
    uri, policy = (
        (endpoint, None) if isinstance(endpoint, str) else (endpoint.uri, endpoint.authentication)
    )
    return Endpoint(
        uri=compile_template(uri),
        fixed=expression_in(uri) is None,
        authentication=compile_authentication(policy, place),
    )


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
    return Authentication(scheme, compile_template(written[scheme]))
