"""Where a call goes and how it logs in: URI templates and authentication policies."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from activities.requests import SealedField
from foundation.json import JsonValue
from workflows.definition import AuthenticationSpec, EndpointSpec
from workflows.expressions import Template, expression_in, pieces_of
from workflows.interpreter.compiling import Place, dumped
from workflows.interpreter.faults import Fault
from workflows.interpreter.requests import Part, Value
from workflows.interpreter.run import Frame

_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Uri:
    """An address with its variables: texts with `{name}`, and expressions."""

    parts: Sequence[str | Template]

    @property
    def variables(self) -> frozenset[str]:
        return frozenset[str]().union(*(each.variables for each in self._templates))

    @property
    def secret(self) -> bool:
        return any(each.secret for each in self._templates)

    @property
    def version(self) -> str:
        return self._templates[0].version.name

    @property
    def _templates(self) -> list[Template]:
        return [each for each in self.parts if isinstance(each, Template)]

    def computed(self, value: JsonValue, frame: Frame) -> JsonValue:
        """Fill the variables in from the task's input.

        Raises:
            Fault: When one is missing.
        """
        fields = value if isinstance(value, dict) else {}
        return "".join(
            fill_in(part, fields)
            if isinstance(part, str)
            else _computed(part, frame.evaluate(part, value), alone=len(self.parts) == 1)
            for part in self.parts
        )

    def sealed(self, value: JsonValue, _frame: Frame) -> SealedField:
        """Fill in what is no expression; the activity joins the parts."""
        fields = value if isinstance(value, dict) else {}
        parts: list[JsonValue] = [
            _as_text(fill_in(part, fields)) if isinstance(part, str) else _as_expression(part)
            for part in self.parts
        ]
        return SealedField(template=parts, joined=True)


def _as_text(text: str) -> str:
    """Write a text in such a way that nothing in it is evaluated."""
    return text.replace("${", '${ "${" }')


def _as_expression(part: Template) -> str:
    (expression,) = part.expressions
    return f"${{ {expression.source} }}"


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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A compiled endpoint.

    Attributes:
        login: What computes the credentials, if it needs some.
    """

    uri: Uri
    login: Part | None


def compile_endpoint(endpoint: EndpointSpec | str, place: Place) -> Endpoint:
    """Compile an endpoint; `use` in its authentication refers to `use.authentications`."""
    uri, policy = (
        (endpoint, None) if isinstance(endpoint, str) else (endpoint.uri, endpoint.authentication)
    )
    return Endpoint(Uri(_parts(uri, place)), compile_login(policy, place))


def _parts(uri: str, place: Place) -> Sequence[str | Template]:
    if expression_in(uri) is not None:
        return [place.template(uri)]
    return [
        piece if isinstance(piece, str) else place.template(piece.source, bare=True)
        for piece in pieces_of(uri)
    ]


def compile_login(policy: AuthenticationSpec | None, place: Place) -> Part | None:
    """Compile an authentication policy, following a reference."""
    if policy is None:
        return None
    if policy.use is not None:
        policy = place.used("authentications", policy.use)
    written: dict[str, Any] = dumped(policy)
    ((scheme, properties),) = written.items()
    source = _secret(properties["use"]) if "use" in properties else None
    return Value(place.template(_login(scheme, properties, source)))


def _secret(name: str) -> str:
    """Name a secret in an expression."""
    return f"$secrets[{json.dumps(name)}]"


def _login(scheme: str, properties: Mapping[str, Any], source: str | None) -> dict[str, Any]:
    """Spell the credentials of a policy as the request's field `login` has them."""
    match scheme:
        case "basic" | "digest":
            if source is not None:
                properties = {
                    "username": f"${{ {source}.username }}",
                    "password": f"${{ {source}.password }}",
                }
            username, secret = properties["username"], properties["password"]
            return {"scheme": scheme, "username": username, "secret": secret}
        case "bearer":
            token = f'${{ {source} | if type == "string" then . else .token end }}'
            return {"scheme": scheme, "secret": properties["token"] if source is None else token}
        case _:
            given = _filled_in(properties) if source is None else f"${{ {source} }}"
            return {"scheme": scheme, "properties": given}


def _filled_in(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Spell `{name}` in the addresses of an authority as expressions."""
    found = {**properties, "authority": _with_variables(properties["authority"])}
    if "token" in properties.get("endpoints", {}):
        token = _with_variables(properties["endpoints"]["token"])
        found["endpoints"] = {**properties["endpoints"], "token": token}
    return found


def _with_variables(uri: str) -> str:
    def one(match: re.Match[str]) -> str:
        name = json.dumps(match.group(1))
        problem = json.dumps(
            f"'{match.group()}' in {uri} needs a text or number called {name} at the top of the "
            "task's input."
        )
        return (
            f'${{ .[{name}] | if type == "string" or type == "number" then tostring | @uri '
            f"else error({problem}) end }}"
        )

    return _VARIABLE.sub(one, uri)
