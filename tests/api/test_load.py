"""What many requests at once must not do."""

import dataclasses
import threading

import anyio
import httpx2
import pytest
import structlog
from typing_extensions import override

from api.app import create_app
from api.services import Services
from security.accounts.service import Accounts
from security.passwords import Passwords, Verdict
from tests.api.people import PASSWORD, Person

pytestmark = pytest.mark.anyio

LOGIN = "/api/v1/auth/login"


class WatchedPasswords(Passwords):
    """Notes in which threads it works, and in how many at once."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: set[int] = set()
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()

    @override
    def verify(self, password: str, stored: str | None) -> Verdict:
        with self._lock:
            self.threads.add(threading.get_ident())
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            return super().verify(password, stored)
        finally:
            with self._lock:
                self._now -= 1


async def test_passwords_are_hashed_in_four_threads_at_most_and_never_in_the_event_loop(
    services: Services, admin: Person
) -> None:
    passwords = WatchedPasswords()
    accounts = Accounts(services.database, passwords, services.tokens, services.settings.auth)
    watched = dataclasses.replace(services, accounts=accounts)
    transport = httpx2.ASGITransport(app=create_app(watched, services.settings))
    login = {"email": admin.email, "password": PASSWORD}
    answers: list[int] = []
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as http:

        async def log_in() -> None:
            answers.append((await http.post(LOGIN, json=login)).status_code)

        async with anyio.create_task_group() as group:
            for _ in range(16):
                group.start_soon(log_in)
    assert answers == [200] * 16
    assert 1 < passwords.most_at_once <= 4
    assert threading.get_ident() not in passwords.threads


async def test_nothing_secret_is_logged_when_somebody_logs_in_or_fails_to(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    with structlog.testing.capture_logs() as logs:
        tokens = (await http.post(LOGIN, json={"email": admin.email, "password": PASSWORD})).json()
        wrong = {"email": admin.email, "password": "not the password"}
        await http.post(LOGIN, json=wrong)
        await http.post("/api/v1/auth/refresh", json={"refresh_token": admin.refresh_token})
        await http.post("/api/v1/auth/refresh", json={"refresh_token": admin.refresh_token})
    assert {"login_refused", "refresh_token_reused", "http_request"} <= {
        line["event"] for line in logs
    }
    secrets = (PASSWORD, "not the password", tokens["access_token"], tokens["refresh_token"])
    assert not any(secret in str(logs) for secret in (*secrets, admin.refresh_token, admin.email))
