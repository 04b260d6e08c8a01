"""The hub as the client of a scenario: registers its server and calls its tools, as a worker does.

Discovery, schemas, fingerprints, breaker, egress and wire are the product's; nothing is sent here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import parse_qsl

import httpx2
from pydantic import BaseModel

from foundation.errors import MillwrightError
from foundation.json import JsonObject, JsonValue
from toolhub.consents.types import ConsentAnswer
from toolhub.elicitation.types import Answer, Question
from toolhub.errors import CallForbiddenError, CredentialRefusedError, NoTokenError
from toolhub.schemas import CallTool, McpRequest, ServerRegistration, ToolResult
from toolhub.wiring import ToolhubParts

T = TypeVar("T")
SERVER = "conformance"
# One value of each type, for the arguments of tools about which the suite says nothing.
VALUES: dict[str, JsonValue] = {
    "array": [],
    "boolean": True,
    "integer": 3,
    "null": None,
    "number": 2.5,
    "object": {},
    "string": "line-4",
}
# Takes the schema of the other tool, as it came.
ECHO = "json_schema_echo"
# A client for itself; to all others of `auth/` a person agrees.
ITSELF = {"auth/client-credentials-basic", "auth/client-credentials-jwt"}
CALLBACK = "http://127.0.0.1:8080/api/v1/mcp/oauth/callback"
# What the suite takes for the address of our description.
DESCRIPTION = "https://conformance-test.local/client-metadata.json"
# How often a person agrees before he has enough of it.
AGREES = 2
# Only one scenario is about more than tools.
REQUESTS: dict[str, list[tuple[str, JsonObject]]] = {
    "http-standard-headers": [
        ("resources/list", {}),
        ("resources/read", {"uri": "file:///path/to/file%20name.txt"}),
        ("prompts/list", {}),
        ("prompts/get", {"name": "test_prompt"}),
    ]
}


def sample(schema: JsonObject) -> JsonObject:
    """Return arguments that a simple schema takes."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {
        name: VALUES[str(part["type"])]
        for name, part in properties.items()
        if isinstance(part, dict) and str(part.get("type")) in VALUES
    }


class NamedCall(BaseModel):
    """A call that the scenario asks for."""

    name: str
    arguments: JsonObject = {}


class Context(BaseModel):
    """What a scenario tells the client beside its address."""

    toolCalls: list[NamedCall] = []  # noqa: N815 - the suite's name
    client_id: str | None = None
    client_secret: str | None = None
    private_key_pem: str | None = None

    @property
    def credential(self) -> JsonObject:
        """What is registered with the server."""
        about: JsonObject = {"kind": "oauth2-client-credentials", "client_id": self.client_id}
        if self.private_key_pem:
            key = {"client_secret": self.private_key_pem, "authentication": "private_key_jwt"}
            return {**about, **key}
        return {**about, "client_secret": self.client_secret}


class Scenario(BaseModel):
    """One scenario, under way."""

    url: str
    scenario: str
    context: Context


@dataclass
class Client:
    """One scenario's client; `told` is what its log shows."""

    parts: ToolhubParts
    scenario: Scenario
    told: list[str] = field(default_factory=list)

    @property
    def tenant(self) -> str:
        """Each scenario has servers of its own."""
        return self.scenario.scenario

    async def run(self) -> None:
        try:
            await self._register()
        except MillwrightError as error:
            self.told.append(f"not registered: {error}")
            return
        for call in self._calls():
            await self._call(call)
        for method, params in REQUESTS.get(self.scenario.scenario, []):
            request = McpRequest(
                tenant_id=self.tenant, url=self.scenario.url, method=method, params=params
            )
            self.told.append(f"{method}: {await self.parts.hub.request(request)}")

    async def _register(self) -> None:
        context, name = self.scenario.context, self.scenario.scenario
        credential: JsonObject = {"kind": "none"}
        if name in ITSELF:
            credential = context.credential
        elif name.startswith("auth/"):
            client = {"client_id": context.client_id, "client_secret": context.client_secret}
            known = {key: value for key, value in client.items() if value is not None}
            credential = {"kind": "oauth2-authorization-code", **known}
        about = {"name": SERVER, "url": self.scenario.url, "credential": credential}
        given = ServerRegistration.model_validate(about)
        await self.parts.registry.register(self.tenant, given)
        if credential["kind"] == "oauth2-authorization-code":
            await self._agree()
            await self._agreeing(lambda: self.parts.registry.refresh(self.tenant, SERVER))

    async def _agree(self) -> None:
        """Be the person: the suite's authorization servers send everybody back at once."""
        start = await self.parts.consenting.begin(
            self.tenant, SERVER, by="kim", redirect_uri=CALLBACK, described_at=DESCRIPTION
        )
        async with httpx2.AsyncClient() as browser:
            sent_back = await browser.get(start.url)
        came_to, _, query = sent_back.headers["location"].partition("?")
        came_with = dict(parse_qsl(query))
        self.told.append(f"agreed: {sorted(came_with)}")
        answer = ConsentAnswer.model_validate({**came_with, "came_to": came_to})
        await self.parts.consenting.complete(answer)

    def _calls(self) -> list[NamedCall]:
        """Return the calls the scenario asks for, else one of every tool there is."""
        if self.scenario.context.toolCalls:
            return self.scenario.context.toolCalls
        offered = self.parts.registry.find_tools(self.tenant, page_size=200).items
        calls = [NamedCall(name=tool.name, arguments=sample(tool.input_schema)) for tool in offered]
        other = next((tool.input_schema for tool in offered if tool.name != ECHO), {})
        for call in calls:
            if call.name == ECHO:
                call.arguments["schema"] = other
        return calls

    async def _call(self, call: NamedCall) -> None:
        # The hub refuses null where the schema wants a boolean; its callers leave it out.
        given: JsonObject = {
            name: value for name, value in call.arguments.items() if value is not None
        }
        asked = CallTool(
            tenant_id=self.tenant,
            server=SERVER,
            tool=call.name,
            arguments=given,
            takes_questions=True,
        )
        try:
            result = await self._agreeing(lambda: self._answering(asked))
        except MillwrightError as error:
            self.told.append(f"{call.name}: {error}")
        else:
            self.told.append(f"{call.name}: {result.value}")

    async def _answering(self, call: CallTool) -> ToolResult:
        """Call a tool; be whoever answers what it asks."""
        hub = self.parts.hub
        while isinstance(found := await hub.start(call), Question):
            content = {each.id: sample(each.form or {}) for each in found.asked}
            answers = {
                id_: Answer(action="accept", content=filled) for id_, filled in content.items()
            }
            self.told.append(f"{call.tool} asks: {found.asked}")
            call = replace(call, reply=hub.questions.reply(found, answers))
        if not isinstance(found, ToolResult):
            raise TypeError(f"{call.tool} runs on, and the suite has no such tool")
        return found

    async def _agreeing(self, do: Callable[[], Awaitable[T]]) -> T:
        """Do something; where more has to be agreed to, a person does, and it is done again."""
        for _ in range(AGREES if self.tenant not in ITSELF else 0):
            try:
                return await do()
            except (CallForbiddenError, CredentialRefusedError, NoTokenError) as error:
                self.told.append(str(error))
                await self._agree()
        return await do()
