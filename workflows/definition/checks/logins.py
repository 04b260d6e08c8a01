"""Authentication policies: what they lack, and which calls they cannot be used for."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from pydantic import BaseModel

from security.authority.completeness import INSTEAD, lacking
from workflows.definition.checks.subject import Site, Subject
from workflows.definition.findings import Code, Path, Problem
from workflows.definition.models import (
    AuthenticationPolicy,
    AuthenticationSpec,
    CallA2a,
    CallAsyncApi,
    CallGrpc,
    CallMcp,
    EndpointSpec,
    OidcAuthentication,
)

_ENDPOINT: Final = ("endpoint", "authentication")


class _Login(NamedTuple):
    """The authentication of a call, below its `with`."""

    path: Path
    spec: AuthenticationSpec | None


def check_logins(subject: Subject) -> Iterator[Problem]:
    """Check every policy, and every call that cannot answer a challenge."""
    for field in subject.fields:
        if isinstance(field.owner, AuthenticationPolicy) and isinstance(field.value, BaseModel):
            yield from _check_policy(field.path, field.value)
    for site in subject.sites:
        for login in _unchallenged(site):
            if login.spec is not None and _is_digest(login.spec, subject):
                yield Problem(
                    Code.NOT_SUPPORTED_YET,
                    (*site.path, "with", *login.path),
                    "'digest' authentication works for HTTP requests ('call: http', 'call: "
                    "openapi', documents) and not for this call. Use another one.",
                )


def _check_policy(path: Path, policy: BaseModel) -> Iterator[Problem]:
    """Policies that are secrets are checked when they are used."""
    if not isinstance(policy, OidcAuthentication):
        return
    for message in lacking(policy.model_dump(by_alias=True)):
        if message == INSTEAD:
            yield Problem(Code.NOT_SUPPORTED_YET, (*path, "grant"), message)
        else:
            yield Problem(Code.MISSING_KEY, path, message)


def _unchallenged(site: Site) -> Iterator[_Login]:
    """Go through the logins of a call that are sent without being asked for."""
    match site.task:
        case CallGrpc(with_=given):
            yield _Login(("service", "authentication"), given.service.authentication)
        case CallAsyncApi(with_=given):
            yield _Login(("authentication",), given.authentication)
        case CallMcp(with_=given) if given.transport.http is not None:
            yield _Login(("transport", "http", *_ENDPOINT), _of(given.transport.http.endpoint))
        case CallA2a(with_=given):
            yield _Login(("server", "authentication"), _of(given.server))
            card = given.agent_card
            yield _Login(("agentCard", *_ENDPOINT), _of(card.endpoint) if card else None)
        case _:
            pass  # HTTP answers challenges


def _of(endpoint: EndpointSpec | str | None) -> AuthenticationSpec | None:
    return endpoint.authentication if isinstance(endpoint, EndpointSpec) else None


def _is_digest(spec: AuthenticationSpec, subject: Subject) -> bool:
    policy: AuthenticationPolicy | None = spec
    if spec.use is not None:
        # A name that is not declared has a finding of its own.
        policy = subject.definition.use.authentications.get(spec.use)
    return policy is not None and policy.digest is not None
