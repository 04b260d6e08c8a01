"""Rules of the tenant about the hosts that its requests go to."""

from collections.abc import Sequence

from millwright_client.calls.reading import one
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import EgressRules, EgressVerdict


def get() -> Flow[EgressRules]:
    """Look at the rules."""
    return ask(Call("GET", "/tenant/egress", one(EgressRules), safe=True))


def put(
    *, allow: Sequence[str] = (), deny: Sequence[str] = (), version: int | None = None
) -> Flow[EgressRules]:
    """Replace the rules; requests that begin afterwards keep to them.

    Args:
        allow: Nothing but these; empty: everything that the installation allows.
        deny: None of these, whatever is allowed.
        version: That of the rules as you saw them: refused when they have changed since.
    """
    body = {"allow": list(allow), "deny": list(deny)}
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    where = "/tenant/egress"
    # With a version not safe: what was sent first may have changed it.
    safe = version is None
    return ask(Call("PUT", where, one(EgressRules), json=body, headers=headers, safe=safe))


def check(url: str) -> Flow[EgressVerdict]:
    """Ask whether requests of the tenant go to an address, without sending one."""
    where = "/tenant/egress:check"
    return ask(Call("POST", where, one(EgressVerdict), json={"url": url}, safe=True))
