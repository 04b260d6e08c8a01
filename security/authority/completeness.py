"""What a policy needs to get a token: said when it is published, of secrets when it is used."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_OF_GRANT: Final[Mapping[str, tuple[str, ...]]] = {
    "client_credentials": ("client",),
    "password": ("username", "password"),
    # The language has no member of its own for it.
    "refresh_token": ("subject",),
    "urn:ietf:params:oauth:grant-type:token-exchange": ("subject",),
}
_OF_CLIENT: Final[Mapping[str, tuple[str, ...]]] = {
    "client_secret_basic": ("id", "secret"),
    "client_secret_post": ("id", "secret"),
    "client_secret_jwt": ("id", "secret"),
    "none": ("id",),
}
# What the language says where the author does not.
_DEFAULT: Final = "client_secret_post"
WITH_A_PERSON: Final = "authorization_code"
INSTEAD: Final = (
    f"'grant: {WITH_A_PERSON}' needs a person in a browser. Use 'client_credentials', or "
    "'refresh_token' with a refresh token that somebody got once as 'subject'."
)


def lacking(properties: Mapping[str, Any]) -> Iterator[str]:
    """Say what an OAuth 2 or OpenID Connect policy lacks, one sentence each.

    Args:
        properties: As the language spells them.
    """
    grant, client = properties["grant"], properties.get("client")
    if grant == WITH_A_PERSON:
        yield INSTEAD
        return
    for name in _OF_GRANT[grant]:
        if properties.get(name) is None:
            yield f"'grant: {grant}' needs '{name}'."
    if client is not None:
        yield from _lacking_client(client, grant)


def _lacking_client(client: Mapping[str, Any], grant: str) -> Iterator[str]:
    method = client.get("authentication", _DEFAULT)
    if method == "none" and grant == "client_credentials":
        yield f"'grant: {grant}' needs a client that proves who it is, which 'none' does not."
    if method == "private_key_jwt":
        yield from _lacking_key(client)
        return
    for name in _OF_CLIENT[method]:
        if client.get(name) is None:
            hint = " Without a secret write 'authentication: none'." if name == "secret" else ""
            yield f"'client.authentication: {method}' needs 'client.{name}'.{hint}"


def _lacking_key(client: Mapping[str, Any]) -> Iterator[str]:
    needs = "'client.authentication: private_key_jwt' needs"
    if client.get("assertion") is not None:
        return
    if client.get("secret") is None:
        yield (
            f"{needs} 'client.assertion', a JWT that is signed already, or 'client.secret', the "
            "private key to sign with (PEM or JWK)."
        )
    elif client.get("id") is None:
        yield f"{needs} 'client.id' to sign an assertion for."
