"""From an OpenAPI document (2.0, 3.0, 3.1) and parameters to a request.

Covers what operations of real APIs use: path, query, header and body parameters, servers with
variables, local `$ref`. Cookies and multipart bodies are refused by name.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urljoin

from activities.http.descriptions import Descriptions, Language, resolved
from activities.http.errors import OperationError
from activities.http.types import HttpCall, OpenApiCall
from foundation.json import JsonObject, JsonValue
from security.egress import Egress

OPENAPI: Final = Language("OpenAPI", frozenset({"openapi", "swagger"}))
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_BODY: Final = "body"


class Documents:
    """Descriptions read over HTTP and kept for a few minutes."""

    def __init__(self, egress: Egress) -> None:
        self._descriptions = Descriptions(egress, OPENAPI)

    async def read(self, call: OpenApiCall) -> JsonObject:
        """Return the document that a call refers to.

        Raises:
            OperationError: When what the address gives is no OpenAPI document.
            UpstreamError: When it cannot be read.
        """
        return await self._descriptions.read(
            call.tenant_id, call.document_uri, call.document_login, call.timeout_s
        )


def request_for(document: JsonObject, call: OpenApiCall) -> HttpCall:
    """Build the request of one operation.

    Raises:
        OperationError: For an unknown operation, unknown or missing parameters, or a document that
            is not shaped like one.
    """
    try:
        return _request_for(document, call)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise OperationError(
            f"{call.document_uri} is not shaped like an OpenAPI document "
            f"({type(error).__name__}: {error})."
        ) from error


def _request_for(document: JsonObject, call: OpenApiCall) -> HttpCall:
    path, method, operation, shared = _operation(document, call.operation_id)
    declared = _declared(document, operation, shared)
    _refuse_unfitting(call, declared)
    query: dict[str, JsonValue] = {}
    headers: dict[str, str] = {}
    body: JsonValue = None
    for name, value in call.parameters.items():
        match declared[name]["in"]:
            case "path":
                path = path.replace(f"{{{name}}}", quote(_text(value), safe=""))
            case "query":
                query[name] = _query_value(declared[name], value)
            case "header":
                headers[name] = _text(value)
            case "body":
                body = value
            case "formData":
                headers["content-type"] = "application/x-www-form-urlencoded"
                body = {**(body if isinstance(body, dict) else {}), name: value}
            case place:
                raise OperationError(f"Parameter '{name}' is in '{place}', which is not supported.")
    return HttpCall(
        tenant_id=call.tenant_id,
        method=method.upper(),
        uri=_base(document, call.document_uri).rstrip("/") + path,
        headers=headers,
        query=query,
        body=body,
        output=call.output,
        redirect=call.redirect,
        login=call.login,
        timeout_s=call.timeout_s,
    )


def _operation(
    document: Mapping[str, Any], operation_id: str
) -> tuple[str, str, dict[str, Any], list[Any]]:
    known = []
    for path, item in _entries(document.get("paths")):
        for method in METHODS:
            operation = item.get(method)
            if not isinstance(operation, dict):
                continue
            if operation.get("operationId") == operation_id:
                return path, method, operation, item.get("parameters") or []
            known.append(str(operation.get("operationId")))
    raise OperationError(
        f"The API has no operation '{operation_id}'. It has: {', '.join(sorted(known)[:20])}."
    )


def _entries(paths: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in (paths if isinstance(paths, dict) else {}).items():
        if isinstance(item, dict):
            yield path, item


def _declared(
    document: JsonObject, operation: Mapping[str, Any], shared: list[Any]
) -> dict[str, dict[str, Any]]:
    """Return the parameters by name; a request body counts as the parameter `body`."""
    found = {}
    for written in [*shared, *(operation.get("parameters") or [])]:
        parameter = resolved(document, written, OPENAPI.name)
        name = _BODY if parameter.get("in") == "body" else parameter.get("name")
        if isinstance(name, str) and isinstance(parameter.get("in"), str):
            found[name] = parameter
    if "requestBody" in operation:
        body = resolved(document, operation["requestBody"], OPENAPI.name)
        found[_BODY] = {"in": "body", "required": body.get("required", False)}
    return found


def _refuse_unfitting(call: OpenApiCall, declared: Mapping[str, Mapping[str, Any]]) -> None:
    unknown = call.parameters.keys() - declared.keys()
    missing = {name for name, item in declared.items() if item.get("required")} - {
        name for name, value in call.parameters.items() if value is not None
    }
    if unknown or missing:
        raise OperationError(
            f"'{call.operation_id}' takes {', '.join(sorted(declared)) or 'no parameters'}."
            + (f" Unknown: {', '.join(sorted(unknown))}." if unknown else "")
            + (f" Missing: {', '.join(sorted(missing))}." if missing else "")
        )


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    if value is None or isinstance(value, dict):
        raise OperationError("A path or header parameter is a text, a number or a list of those.")
    return str(value)


def _query_value(parameter: Mapping[str, Any], value: JsonValue) -> JsonValue:
    """Spell lists as the document says: repeated names, or one text with commas."""
    if not isinstance(value, list):
        return value
    repeated = parameter.get("collectionFormat") == "multi" or (
        "schema" in parameter and parameter.get("explode", True)
    )
    return value if repeated else _text(value)


def _base(document: Mapping[str, Any], document_uri: str) -> str:
    if "swagger" in document:
        schemes = document.get("schemes") or [document_uri.partition(":")[0]]
        scheme = "https" if "https" in schemes else schemes[0]
        host = document.get("host") or document_uri.partition("//")[2].partition("/")[0]
        return f"{scheme}://{host}{document.get('basePath', '')}"
    servers: list[dict[str, Any]] = document.get("servers") or [{"url": "/"}]
    server = servers[0]
    url = str(server.get("url", "/"))
    for name, variable in (server.get("variables") or {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return urljoin(document_uri, url)
