"""Instances that wait for people, for tests of the ways to decide."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from temporalio.client import Client
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from api.services import Services
from tests.api.people import Person, person
from tests.fixtures.polling import pause
from workflows.interpreter.workflow import Interpreter

APPROVALS = "/api/v1/approvals"
HEAD = "document: { dsl: '1.0.3', namespace: press-line, name: release, version: '1.0.0' }\n"
ASK = """
do:
  - ask:
      call: approval
      with:
        title: Release <lot>
        data: '${ . }'
        candidates: { roles: [ operator ] }
%s
"""


@dataclass
class Desk:
    """One tenant: who asks, and who decides."""

    http: httpx2.AsyncClient
    services: Services
    asks: Person
    operator: Person

    async def ask(self, more: str = "", value: Any = None) -> dict[str, Any]:
        """Publish, start, and wait until somebody is asked."""
        published = await self.http.post(
            "/api/v1/workflows",
            content=HEAD + ASK % more,
            headers={**self.asks.headers, "Content-Type": "application/yaml"},
        )
        assert published.status_code == 201, published.text
        await self.http.post(
            "/api/v1/workflows/press-line/release/instances",
            json={"input": value or {"lot": 7}},
            headers=self.asks.headers,
        )
        return await self.waiting(self.operator)

    async def waiting(self, who: Person) -> dict[str, Any]:
        while not (items := (await self.inbox(who))):
            await pause()
        found: dict[str, Any] = items[0]
        return found

    async def inbox(self, who: Person, **params: Any) -> list[dict[str, Any]]:
        answer = await self.http.get(APPROVALS, params=params, headers=who.headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    async def approval(self, approval_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"{APPROVALS}/{approval_id}", headers=self.asks.headers)
        found: dict[str, Any] = answer.json()
        return found

    async def link(self, approval_id: str, who: Person | None = None, **body: Any) -> str:
        """Make a link; return its token."""
        made = await self.http.post(
            f"{APPROVALS}/{approval_id}/links", json=body, headers=(who or self.operator).headers
        )
        assert made.status_code == 201, made.text
        return token_of(made.json()["url"])

    async def look(self, token: str, **headers: str) -> httpx2.Response:
        return await self.http.get("/decide", params={"link": token}, headers=headers)

    async def press(self, token: str, decision: str = "approve", **more: str) -> httpx2.Response:
        fields = {"link": token, "decision": decision, **more}
        return await self.http.post("/decide", data=fields)


def token_of(url: str) -> str:
    parts = urlsplit(url)
    assert parts.path == "/decide"
    return parse_qs(parts.query)["link"][0]


def text_of(page: httpx2.Response) -> str:
    """Return what a person reads of a page."""
    without_style = re.sub(r"<style>.*?</style>", "", page.text, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]*>", " ", without_style))


@asynccontextmanager
async def deciding(
    http: httpx2.AsyncClient, services: Services, temporal: Client, tenant_id: str
) -> AsyncIterator[Desk]:
    """Let runs wait, and people decide."""
    asks = person(services.accounts, tenant_id, "manager", new_tenant=False)
    operator = person(services.accounts, tenant_id, "operator", new_tenant=False)
    async with Worker(
        temporal,
        task_queue=services.settings.temporal.task_queue,
        workflows=[Interpreter],
        activities=[ApprovalActivities(services.approvals.inbox.desk).show],
    ):
        yield Desk(http, services, asks, operator)
