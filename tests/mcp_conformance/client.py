"""The hub as the client of a scenario: registers its server and calls its tools, as a worker does.

Discovery, schemas, fingerprints, breaker, egress and wire are the product's; nothing is sent here.
"""

from dataclasses import dataclass, field

from pydantic import BaseModel

from foundation.errors import MillwrightError
from foundation.json import JsonObject, JsonValue
from toolhub.schemas import CallTool, McpRequest, ServerRegistration
from toolhub.wiring import ToolhubParts

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
        if not self.client_id or not (self.client_secret or self.private_key_pem):
            return {"kind": "none"}
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
            credential = self.scenario.context.credential
            about = {"name": SERVER, "url": self.scenario.url, "credential": credential}
            given = ServerRegistration.model_validate(about)
            await self.parts.registry.register(self.tenant, given)
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
        asked = CallTool(tenant_id=self.tenant, server=SERVER, tool=call.name, arguments=given)
        try:
            result = await self.parts.hub.call(asked)
        except MillwrightError as error:
            self.told.append(f"{call.name}: {error}")
        else:
            self.told.append(f"{call.name}: {result.value}")
