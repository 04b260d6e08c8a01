"""Computes what of a request reads a secret: inside the activity, when the request is sent.

An expression can fail on purpose with the secret in its message, so why one failed is not told.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from typing_extensions import override

from activities.requests import Request, Sealed, SealedField
from activities.work import Opened, Opener
from foundation.errors import InvalidInputError
from foundation.json import JsonObject, JsonValue
from workflows.expressions import ExpressionError, Template, compile_template, version_named

SECRETS: Final = "secrets"
AUTHORIZATION: Final = "authorization"
# Of the members of an OAuth 2 or OpenID Connect policy, and of what they hold.
_PUBLIC: Final = frozenset(
    {
        *("authority", "endpoints", "grant", "request", "issuers", "scopes", "audiences"),
        *("id", "authentication", "type"),
    }
)


class SecretSource(Protocol):
    """Where the secrets of tenants are."""

    async def read(self, tenant_id: str, names: tuple[str, ...]) -> Mapping[str, JsonValue]:
        """Return the secrets of these names.

        Raises:
            NotFoundError: When one is not there.
        """
        ...


class SealedExpressionError(InvalidInputError):
    """An expression that reads a secret failed."""

    kind: str = "expression"
    code = "sealed-expression"
    title = "The expression failed"


class SecretOpener(Opener):
    """Opens sealed requests with the secrets of their tenant."""

    def __init__(self, source: SecretSource) -> None:
        self._source = source

    @override
    async def open(self, request: Request, sealed: Sealed) -> Opened:
        secrets = await self._source.read(request.tenant_id, sealed.secrets)
        arguments = {**sealed.arguments, SECRETS: dict(secrets)}
        compiled = {name: _compiled(field, sealed) for name, field in sealed.fields.items()}
        fields: dict[str, JsonValue] = {}
        # What reads `$authorization` comes when it is known who logs in.
        for name in sorted(compiled, key=lambda name: AUTHORIZATION in compiled[name].variables):
            if AUTHORIZATION in compiled[name].variables:
                login = fields.get("login", request.model_dump().get("login"))
                arguments[AUTHORIZATION] = _authorization(login)
            found = _evaluated(name, compiled[name], sealed.value, arguments)
            fields[name] = _joined(name, found) if sealed.fields[name].joined else found
        logins = [found for found in fields.values() if isinstance(found, dict)]
        hidden = [*map(_confidential, secrets.values()), *map(_parameter, logins)]
        return Opened(fields, list(_texts(hidden)))


def _compiled(field: SealedField, sealed: Sealed) -> Template:
    return compile_template(field.template, bare=field.bare, version=version_named(sealed.version))


def _confidential(secret: JsonValue) -> JsonValue:
    """Return what must not be repeated of a secret: all, if it is no whole policy.

    The address of a policy, its scopes and the like are part of ordinary answers, which hiding them
    would destroy.
    """
    if not isinstance(secret, dict) or not {"authority", "grant"} <= secret.keys():
        return secret
    parts: JsonObject = {
        name: {inner: value for inner, value in part.items() if inner not in _PUBLIC}
        for name, part in secret.items()
        if isinstance(part, dict)
    }
    return {name: value for name, value in {**secret, **parts}.items() if name not in _PUBLIC}


def _parameter(login: JsonValue) -> JsonValue:
    """Return what a login puts into the header, for basic another spelling of its secret."""
    match login:
        case {"scheme": "basic" | "bearer", "secret": str()}:
            authorization = _authorization(login)
            return authorization["parameter"] if isinstance(authorization, dict) else None
        case _:
            return None


def _authorization(login: JsonValue) -> JsonValue:
    """Say who logs in, as the language does: `{scheme, parameter}`; null when nobody does."""
    match login:
        case {"scheme": "basic", "username": str(username), "secret": str(secret)}:
            parameter = base64.b64encode(f"{username}:{secret}".encode()).decode()
            return {"scheme": "Basic", "parameter": parameter}
        case {"scheme": "bearer", "secret": str(secret)}:
            return {"scheme": "Bearer", "parameter": secret}
        case None:
            return None
        case _:
            raise SealedExpressionError(
                "'$authorization' can be read with basic and bearer authentication only: the other "
                "schemes log in anew with every request."
            )


def _evaluated(
    name: str, template: Template, value: JsonValue, arguments: Mapping[str, JsonValue]
) -> JsonValue:
    try:
        return template.evaluate(value, arguments)
    except ExpressionError:
        raise SealedExpressionError(
            f"An expression of '{name}' that reads a secret failed. Why is not told, since that "
            "could tell the secret. Check that the secret has the members that it reads."
        ) from None


def _joined(name: str, parts: JsonValue) -> str:
    texts = parts if isinstance(parts, list) else []
    if any(part is None or isinstance(part, (dict, list)) for part in texts):
        raise SealedExpressionError(
            f"An expression in '{name}' must give a text or number. Check that the secret has the "
            "members that it reads."
        )
    return "".join(str(part).lower() if isinstance(part, bool) else str(part) for part in texts)


def _texts(value: JsonValue) -> Iterator[str]:
    """Go through all texts in a secret."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)
        case _:
            pass  # a number or true cannot be told from any other
