"""Logging in, and who one is then."""

from typing import Any

from millwright_client.calls.reading import given, one
from millwright_client.exchange import Call, Flow, ask, tokens
from millwright_client.models import Me


def credentials(email: str, password: str, tenant: str | None) -> Call[dict[str, Any]]:
    """Make the call that logs in."""
    return tokens("/auth/login", {"email": email, "password": password, **given(tenant=tenant)})


def me() -> Flow[Me]:
    """Tell who is logged in, and what that permits."""
    return ask(Call("GET", "/auth/me", one(Me), safe=True))
