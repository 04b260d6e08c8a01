"""What crosses the wire for `call: http` and `call: openapi`. Fields are added, never renamed."""

import base64
from typing import Literal, TypeAlias

from pydantic import BaseModel

from foundation.json import JsonObject, JsonValue

Output: TypeAlias = Literal["raw", "content", "response"]


class Login(BaseModel, frozen=True):
    """Credentials of one call."""

    scheme: Literal["basic", "bearer"]
    username: str = ""
    secret: str

    @property
    def authorization(self) -> str:
        """The value of the header `Authorization`."""
        if self.scheme == "bearer":
            return f"Bearer {self.secret}"
        pair = f"{self.username}:{self.secret}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class HttpCall(BaseModel, frozen=True):
    """One HTTP request.

    Attributes:
        uri: Where to, all variables filled in.
        output: `content` (decoded body), `raw` (base64) or `response` (all of it).
        redirect: Accept 3xx answers as results instead of errors.
        timeout_s: For the whole exchange.
    """

    tenant_id: str
    method: str
    uri: str
    headers: dict[str, str] = {}
    query: dict[str, JsonValue] = {}
    body: JsonValue = None
    output: Output = "content"
    redirect: bool = False
    login: Login | None = None
    timeout_s: float = 30.0


class OpenApiCall(BaseModel, frozen=True):
    """One operation of an API that an OpenAPI (2.0 or 3.x) document describes."""

    tenant_id: str
    document_uri: str
    document_login: Login | None = None
    operation_id: str
    parameters: JsonObject = {}
    output: Output = "content"
    redirect: bool = False
    login: Login | None = None
    timeout_s: float = 30.0
