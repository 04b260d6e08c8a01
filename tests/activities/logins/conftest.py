from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.http import HttpActivities, HttpCall
from activities.logins import Authenticator
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from tests.fixtures.token_server import POST_SECRET, TokenServer
from workflows.secrets import SecretOpener, SecretsInMemory

CLIENT = {"id": "poster", "secret": POST_SECRET}


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Caller:
    """Calls the API that wants a token, as a worker would."""

    http: HttpActivities
    server: TokenServer
    clock: Clock = field(default_factory=Clock)

    def properties(self, **more: Any) -> dict[str, Any]:
        given = {"grant": "client_credentials", "client": CLIENT, **more}
        return {"authority": self.server.authority, **given}

    async def __call__(
        self,
        scheme: str = "oauth2",
        *,
        path: str = "/api/orders",
        tenant: str = "press",
        **more: Any,
    ) -> Any:
        """Return what the server says it was sent."""
        method = more.pop("method", "GET")
        body = more.pop("body", None)
        call = HttpCall.model_validate(
            {
                "tenant_id": tenant,
                "method": method,
                "uri": f"{self.server.url}{path}",
                "body": body,
                "login": {"scheme": scheme, "properties": self.properties(**more)},
            }
        )
        return (await ActivityEnvironment().run(self.http.http_call, call)).value

    async def failure(self, scheme: str = "oauth2", **more: Any) -> "Failure":
        with pytest.raises(ApplicationError) as caught:
            await self(scheme, **more)
        return Failure(caught.value)


@dataclass
class Failure:
    """What Temporal keeps of a failed call."""

    error: ApplicationError

    @property
    def text(self) -> str:
        return f"{self.error.message} {self.error.details}"

    @property
    def kind(self) -> Any:
        return self.error.details[0]["kind"]

    @property
    def retried(self) -> bool:
        return not self.error.non_retryable


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    made = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    yield made
    await made.aclose()


@pytest.fixture
async def caller(egress: Egress, token_server: TokenServer) -> AsyncIterator[Caller]:
    clock = Clock()
    logins = Authenticator(egress, clock=clock)
    http = HttpActivities(egress, SecretOpener(SecretsInMemory()), logins)
    yield Caller(http, token_server, clock)
    await logins.aclose()
