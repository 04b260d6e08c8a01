"""What crosses the wire for `call: http` and `call: openapi`. Fields are added, never renamed."""

from typing import Literal, TypeAlias

from pydantic import Field

from activities.logins.types import Login
from activities.requests import Request, Texts
from foundation.json import JsonObject, JsonValue

Output: TypeAlias = Literal["raw", "content", "response"]


class HttpCall(Request, frozen=True):
    """One HTTP request.

    Attributes:
        uri: Where to, all variables filled in.
        output: `content` (decoded body), `raw` (base64) or `response` (all of it).
        redirect: Accept 3xx answers as results instead of errors.
    """

    method: str
    uri: str = ""
    headers: Texts = Field(default_factory=dict)
    query: dict[str, JsonValue] = Field(default_factory=dict)
    body: JsonValue = None
    output: Output = "content"
    redirect: bool = False
    login: Login | None = None


class OpenApiCall(Request, frozen=True):
    """One operation of an API that an OpenAPI (2.0 or 3.x) document describes."""

    document_uri: str = ""
    document_login: Login | None = None
    operation_id: str
    parameters: JsonObject = Field(default_factory=dict)
    output: Output = "content"
    redirect: bool = False
    login: Login | None = None
