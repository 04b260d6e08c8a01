"""Secrets written into a definition: everybody who may read the workflow could read them.

A message about a secret never repeats it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from workflows.definition.checks.fields import FieldAt, FieldKey
from workflows.definition.checks.forms import URIS
from workflows.definition.checks.subject import Subject
from workflows.definition.checks.templates import sources_in, without_expressions
from workflows.definition.findings import Code, Path, Problem, shown
from workflows.definition.functions import CATALOG
from workflows.definition.models import (
    AsyncApiMessage,
    BasicAuthentication,
    BearerAuthentication,
    CallFunction,
    DigestAuthentication,
    HttpArguments,
    McpHttpTransport,
    McpStdioTransport,
    OAuth2Authentication,
    OidcAuthentication,
)
from workflows.definition.models.authentication import OAuth2Client, OAuth2Token
from workflows.definition.models.run import ContainerSpec, ScriptSpec, ShellSpec
from workflows.expressions import expression_in

_SECRETS: Final[frozenset[FieldKey]] = frozenset(
    {
        (BasicAuthentication, "password"),
        (BearerAuthentication, "token"),
        (DigestAuthentication, "password"),
        (OAuth2Authentication, "password"),
        (OidcAuthentication, "password"),
        (OAuth2Client, "secret"),
        (OAuth2Client, "assertion"),
        (OAuth2Token, "token"),
    }
)
# Maps in which the name of a member says whether its value is a secret.
_NAMED: Final[frozenset[FieldKey]] = frozenset(
    {
        (HttpArguments, "headers"),
        (HttpArguments, "query"),
        (AsyncApiMessage, "headers"),
        (McpHttpTransport, "headers"),
        (McpStdioTransport, "environment"),
        (ContainerSpec, "environment"),
        (ScriptSpec, "environment"),
        (ShellSpec, "environment"),
    }
)
_SECRET_NAME: Final = re.compile(
    r"authorization|cookie|secret|password|passwd|credential|private.?key|api.?key|access.?key"
    r"|(?:^|[-_.]|access|auth|bearer|session)token$|subscription.?key",
    re.IGNORECASE,
)
# Parameters of listings are called like secrets and are none.
_NO_SECRET: Final = frozenset({"page_token", "pagetoken", "page-token", "next_token"})
# An expression that is only a text in quotes hides nothing.
_TEXT_LITERAL: Final = re.compile(r'"(?:[^"\\]|\\[^(])*"')
_ADVICE: Final = (
    "Store it with PUT /api/v1/secrets/<name>, name it in use.secrets and write "
    "${ $secrets.<name> }: only the call itself ever sees it."
)


def check_secrets(subject: Subject) -> Iterator[Problem]:
    """Find secrets that are written out."""
    for field in subject.fields:
        if field.key in _SECRETS and _is_literal(field.value):
            message = f"The {shown(str(field.path[-1]))} is written out here. {_ADVICE}"
            yield Problem(Code.LITERAL_SECRET, field.path, message)
        elif field.key in _NAMED and isinstance(field.value, Mapping):
            yield from _named_secrets(field.path, field.value)
        elif field.key in URIS and _has_password(field):
            message = f"The address contains a password. Use 'authentication'. {_ADVICE}"
            yield Problem(Code.LITERAL_SECRET, field.path, message)
    for site in subject.sites:
        if isinstance(site.task, CallFunction) and site.task.call in CATALOG:
            yield from _secret_arguments(site.path, site.task)


def _secret_arguments(path: Path, task: CallFunction) -> Iterator[Problem]:
    for place in CATALOG[task.call].SECRETS:
        value: object = task.with_
        for key in place:
            value = value.get(str(key)) if isinstance(value, Mapping) else None
        if _is_literal(value):
            message = f"The {shown(str(place[-1]))} of {place[0]} is written out here. {_ADVICE}"
            yield Problem(Code.LITERAL_SECRET, (*path, "with", *place), message)


def _named_secrets(path: Path, members: Mapping[str, object]) -> Iterator[Problem]:
    for name, value in members.items():
        is_secret = _SECRET_NAME.search(name) and name.casefold() not in _NO_SECRET
        if is_secret and _is_literal(value):
            message = f"{shown(name)} looks like a secret and is written out here. {_ADVICE}"
            yield Problem(Code.LITERAL_SECRET, (*path, name), message)


def _is_literal(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    source = expression_in(value)
    if source is not None:
        return _TEXT_LITERAL.fullmatch(source) is not None
    return all(_TEXT_LITERAL.fullmatch(each) for each in sources_in(value))


def _has_password(field: FieldAt) -> bool:
    if not isinstance(field.value, str) or expression_in(field.value) is not None:
        return False
    try:
        return bool(urlsplit(without_expressions(field.value, "")).password)
    except ValueError:
        return False  # not a URI; that is reported by its own check
