"""Errors on the wire: RFC 9457 problem+json, and nothing else.

Domain errors say what happened; here they get their shape. What nobody foresaw is logged with its
trace and the request id, and the client gets a sentence without any of it.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from api.content import is_json
from foundation.errors import (
    ForbiddenError,
    MillwrightError,
    UnauthenticatedError,
    UnavailableError,
)
from foundation.json import JsonObject, JsonValue
from foundation.payloads import PayloadLostError

_log = structlog.get_logger(__name__)

# Errors of the protocol itself, which no domain raises: status -> code.
_CODES: Final = {
    400: "malformed",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
}
_PARAMETER: Final = re.compile(r"\{[^}]*\}")
_REALM: Final = 'Bearer realm="millwright"'


class Problem(JSONResponse):
    """One answer that says what went wrong."""

    media_type = "application/problem+json"


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    more: JsonObject | None = None,
    headers: dict[str, str] | None = None,
) -> Problem:
    """Build the answer; `more` are further members, which never replace the standard ones."""
    body: JsonObject = {
        **(more or {}),
        "type": f"urn:millwright:problem:{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "instance": _path(request),
    }
    return Problem(body, status_code=status, headers=headers)


def _path(request: Request) -> str:
    # Not `request.url`: a hostile Host header makes that raise.
    return str(request.scope["path"])


async def lost_payload_problem(request: Request, error: Exception) -> Problem:
    """Say that a large value of a run is gone: somebody has to bring it back."""
    if not isinstance(error, PayloadLostError):
        raise error
    code = error.type or "blob-missing"
    _log.error("payload_lost", code=code, detail=error.message)
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, code, error.message)


async def domain_problem(request: Request, error: Exception) -> Problem:
    """Translate what a domain raised on purpose."""
    if not isinstance(error, MillwrightError):
        raise error
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # Whoever operates this has to act, not the client.
        _log.warning("request_not_served", code=error.code, detail=error.message)
    return problem(
        request,
        error.status,
        error.code,
        error.message,
        more=error.details,
        headers=_headers(request, error),
    )


def _headers(request: Request, error: MillwrightError) -> dict[str, str] | None:
    """Say what to do next: how to authenticate (RFC 6750), or when to come back."""
    match error:
        case UnauthenticatedError():
            # No error code when no token was sent.
            sent = request.headers.get("authorization", "").lower().startswith("bearer ")
            return {"WWW-Authenticate": f'{_REALM}, error="invalid_token"' if sent else _REALM}
        case ForbiddenError():
            return {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope"'}
        case UnavailableError() if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return {"Retry-After": "1"}
        case _:
            return None


async def protocol_problem(request: Request, error: Exception) -> Problem:
    """Translate what the framework raised: no such route, wrong method, unreadable body."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    code = _CODES.get(error.status_code) or _slug(HTTPStatus(error.status_code).phrase)
    detail = _detail(request, error, headers)
    return problem(request, error.status_code, code, detail, headers=headers)


def _allowed(request: Request) -> list[str]:
    """List the methods of what is at this path; the framework names those of one route only.

    `/things/{id}:cancel` also matches `/things/{id}`: the more literal template is what is meant.
    """
    methods: dict[str, set[str]] = {}
    for route in iter_route_contexts(request.app.routes):
        if route.path and route.methods and route.path_regex.match(_path(request)):
            methods.setdefault(route.path, set()).update(route.methods)
    meant = max(methods, key=lambda template: len(_PARAMETER.sub("", template)), default="")
    return sorted(methods.get(meant, ()))


def _slug(phrase: str) -> str:
    return phrase.lower().replace(" ", "-").replace("'", "")


def _detail(request: Request, error: HTTPException, headers: Mapping[str, str]) -> str:
    asked = f"{request.method} {_path(request)}"
    if error.status_code == HTTPStatus.NOT_FOUND:
        return f"There is nothing at {asked}. GET /openapi.json lists what there is."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"{asked} is not possible. Allowed: {headers['Allow']}."
    return error.detail


async def validation_problem(request: Request, error: Exception) -> Problem:
    """Translate what does not fit the declared shape, all of it at once."""
    if not isinstance(error, RequestValidationError):
        raise error
    findings = error.errors()
    if findings and findings[0]["type"] == "json_invalid":
        reason, position = findings[0]["ctx"]["error"], findings[0]["loc"][-1]
        detail = f"The body is not JSON: {reason}, at character {position}."
        return problem(request, 400, "malformed", detail)
    if _has_other_media_type(request, findings):
        sent = request.headers.get("content-type") or "nothing"
        detail = f"The body has to be application/json; Content-Type says {sent}."
        return problem(request, 415, "unsupported-media-type", detail)
    errors: list[JsonValue] = [_finding(item["loc"], item["msg"]) for item in findings]
    detail = f"{len(errors)} part(s) of the request cannot be accepted; see 'errors'."
    return problem(request, 422, "invalid-input", detail, more={"errors": errors})


def _has_other_media_type(request: Request, findings: Sequence[Any]) -> bool:
    """Tell a body that was not read as JSON, and so fits nowhere, from one that is wrong."""
    at_the_root = any(item["loc"] == ("body",) and item["type"] != "missing" for item in findings)
    return at_the_root and not is_json(request.headers.get("content-type", ""))


def _finding(location: tuple[str | int, ...], message: str) -> JsonObject:
    """Name the place: `in` is body, query, path or header, `pointer` leads into it."""
    place, *steps = location or ("body",)
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return {"in": str(place), "pointer": pointer, "message": message}


def unexpected_problem(request: Request, error: Exception) -> Problem:
    """Answer for a defect of ours: the trace goes to the log, the request id to the client."""
    _log.error("request_failed", path=_path(request), method=request.method, exc_info=error)
    request_id = structlog.contextvars.get_contextvars().get("request_id", "unknown")
    detail = f"Something went wrong on our side. Report request id {request_id}."
    return problem(request, 500, "internal", detail)


def install(app: FastAPI) -> None:
    """Let these translations answer for every error the application knows."""
    app.add_exception_handler(MillwrightError, domain_problem)
    app.add_exception_handler(PayloadLostError, lost_payload_problem)
    app.add_exception_handler(HTTPException, protocol_problem)
    app.add_exception_handler(RequestValidationError, validation_problem)
