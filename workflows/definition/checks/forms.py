"""Texts that have a form: URIs, times, JSON pointers. An expression can stand instead of most."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import jsonschema_rs

from workflows.definition.checks.fields import FieldAt, FieldKey
from workflows.definition.checks.subject import Subject
from workflows.definition.checks.templates import one_expression, sources_in, without_expressions
from workflows.definition.findings import Code, Path, Problem, shown
from workflows.definition.models import (
    A2aArguments,
    EndpointSpec,
    ErrorSpec,
    EventFilter,
    EventSpec,
    ExternalResource,
    HttpArguments,
    McpHttpTransport,
    OAuth2Authentication,
    OidcAuthentication,
)
from workflows.definition.models.authentication import OAuth2Endpoints
from workflows.definition.models.definition import CatalogSpec
from workflows.definition.models.values import EXPRESSION_LINE
from workflows.expressions import expression_in, has_expressions


class Form(NamedTuple):
    """What a text must look like.

    Attributes:
        variables: `{name}` in it is filled in.
    """

    code: Code
    name: str
    validator: jsonschema_rs.Validator
    variables: bool = False


def _form(code: Code, name: str, schema: dict[str, Any]) -> Form:
    return Form(
        code, name, jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    )


_TIME: Final = _form(
    Code.WRONG_VALUE, "a time such as 2026-01-31T08:00:00Z", {"format": "date-time"}
)
_POINTER: Final = _form(Code.WRONG_VALUE, "a JSON pointer", {"format": "json-pointer"})
# As the schema of the language has it.
_URI: Final = _form(
    Code.URI,
    "a URI (a space is written %20)",
    {
        "pattern": r"^(?!\s*\$\{)(?=\S)(([^:/?#]+):)?(//([^/?#\s]*))?([^?#\s]*)(\?([^#\s]*))?"
        r"(#(\S*))?$",
        "anyOf": [{"format": "uri-template"}, {"format": "uri-reference"}],
    },
)
# Addresses that we call: absolute, http or https.
_ADDRESSES: Final[frozenset[FieldKey]] = frozenset(
    {
        (A2aArguments, "server"),
        (EndpointSpec, "uri"),
        (HttpArguments, "endpoint"),
        (McpHttpTransport, "endpoint"),
    }
)
URIS: Final[frozenset[FieldKey]] = _ADDRESSES | {
    (ExternalResource, "endpoint"),
    (CatalogSpec, "endpoint"),
}
_FORMS: Final[Mapping[FieldKey, Form]] = {
    **dict.fromkeys(URIS, _URI._replace(variables=True)),
    (ErrorSpec, "type"): _URI,
    (ErrorSpec, "instance"): _POINTER,
}
_EVENT_FORMS: Final[Mapping[str, Form]] = {"source": _URI, "dataschema": _URI, "time": _TIME}
# These take no expression.
_AUTHORITIES: Final[frozenset[FieldKey]] = frozenset(
    {
        (OAuth2Authentication, "authority"),
        (OidcAuthentication, "authority"),
        (OAuth2Endpoints, "token"),
        (OAuth2Endpoints, "revocation"),
        (OAuth2Endpoints, "introspection"),
    }
)
_PLACE: Final = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"https?://[^/?#]+|\{", re.IGNORECASE)
# `{name}` is filled in from the task's input; the operators of RFC 6570 are not.
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_PLAIN_VARIABLE: Final = re.compile(r"\w[\w.-]*")
# A longer one says no more in a message.
_WHOLE_CHARS: Final = 300


def check_forms(subject: Subject) -> Iterator[Problem]:
    """Check every text that has a form."""
    for field in subject.fields:
        if isinstance(field.value, str):
            yield from _check_text(field, field.value)
        elif isinstance(field.owner, EventSpec | EventFilter) and isinstance(field.value, dict):
            for name, form in _EVENT_FORMS.items():
                if isinstance(text := field.value.get(name), str):
                    yield from _check_form((*field.path, name), text, form)


def _check_text(field: FieldAt, text: str) -> Iterator[Problem]:
    if field.key in _AUTHORITIES and not _URI.validator.is_valid(text):
        yield Problem(Code.URI, field.path, f"{shown(text)} is not {_URI.name}.")
    if field.key in _FORMS:
        yield from _check_form(field.path, text, _FORMS[field.key])
    if _is_called(field) and expression_in(text) is None and _is_formed(text, _URI):
        yield from _check_address(field.path, text)


def _is_called(field: FieldAt) -> bool:
    # What describes an API or an agent is fetched; the rest belongs to calls not yet executed.
    is_fetched = field.path[-2:] in {("document", "endpoint"), ("agentCard", "endpoint")}
    return field.key in _ADDRESSES or (field.key == (ExternalResource, "endpoint") and is_fetched)


def _check_form(path: Path, text: str, form: Form) -> Iterator[Problem]:
    if expression_in(text) is not None:
        yield from one_line(path, text)
    elif not _is_formed(text, form):
        yield Problem(form.code, path, f"{shown(text)} is not {form.name}.")
    elif sources_in(text) and not _is_written(text, form):
        yield Problem(form.code, path, _of_pieces(text, form))


def _is_formed(text: str, form: Form) -> bool:
    """Check a text as it may look when its expressions are filled in.

    Only URIs say enough around an expression. It may stand for a name or for a port, but not for a
    port where the scheme would be.
    """
    if not has_expressions(text):
        return form.validator.is_valid(text)
    return (
        form.code is not Code.URI
        or not sources_in(text)
        or any(form.validator.is_valid(without_expressions(text, each)) for each in ("x", "1"))
    )


def _is_written(text: str, form: Form) -> bool:
    """Check a text as it stands: so do other runtimes, which know no expressions within texts."""
    return form.validator.is_valid(text) or EXPRESSION_LINE.fullmatch(text) is not None


def _of_pieces(text: str, form: Form) -> str:
    whole = one_expression(text, variables=form.variables)
    written = f": {whole}" if len(whole) <= _WHOLE_CHARS else ' such as ${ "/lines/\\(.line)" }'
    others = ", or {name} for what the input has at its top" if form.variables else ""
    return (
        f"Here the language takes one whole expression or none, and other runtimes refuse "
        f"{shown(text)}. Write it as one{written}{others}."
    )


def _check_address(path: Path, uri: str) -> Iterator[Problem]:
    plain = without_expressions(uri, "x")
    is_open = has_expressions(uri.partition("://")[0])
    if not is_open and not _ADDRESS.match(plain):
        message = f"{shown(uri)} cannot be called. Begin with https:// or http://."
        yield Problem(Code.URI, path, message)
    elif not _has_place(uri):
        message = f"{shown(uri)} cannot be called: it names no host, or no port that there is."
        yield Problem(Code.URI, path, message)
    for match in _VARIABLE.finditer(plain):
        if not _PLAIN_VARIABLE.fullmatch(match[1]):
            message = (
                f"{shown(match[0])} cannot be filled in: only a name can stand in braces. Use an "
                'expression: ${ "https://example.com/pets?tag=\\(.tag)" }.'
            )
            yield Problem(Code.URI, path, message)


def _has_place(uri: str) -> bool:
    """Tell whether host and port can be read; what is filled in later is not known yet."""
    begins = _PLACE.match(uri)
    if begins is None or "{" in begins[0]:
        return True
    try:
        parts = urlsplit(begins[0])
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def one_line(path: Path, text: str) -> Iterator[Problem]:
    """Refuse an expression on several lines, where the schema of the language does."""
    if not EXPRESSION_LINE.fullmatch(text):
        message = "An expression must be on one line here. Write the block with '>-'."
        yield Problem(Code.WRONG_VALUE, path, message)
