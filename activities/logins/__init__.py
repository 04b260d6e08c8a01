"""How calls log in: credentials as they are, digests, and tokens of OAuth 2 and OpenID Connect."""

from activities.logins.authenticator import Authenticator
from activities.logins.types import DigestLogin, Login, PlainLogin, ReadyLogin

__all__ = ["Authenticator", "DigestLogin", "Login", "PlainLogin", "ReadyLogin"]
