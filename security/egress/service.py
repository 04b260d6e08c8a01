"""The rules of tenants about hosts: read and replaced as a whole."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog

from foundation.database import Database
from foundation.errors import ChangedError, InvalidInputError
from security.accounts.models import Tenant
from security.egress.models import EgressRules
from security.egress.rules import read_rules
from security.egress.schemas import MAX_RULES, EgressState

_log = structlog.get_logger(__name__)


class EgressRulesChangedError(ChangedError):
    """They are not, or no longer, what the caller saw."""

    code = "egress-rules-changed"
    title = "The rules have changed meanwhile"


class EgressRuling:
    """The stored rules; sync, call it from a thread.

    Args:
        forget: Told whose rules have changed.
    """

    def __init__(self, database: Database, forget: Callable[[str], None]) -> None:
        self._database = database
        self._forget = forget

    def get(self, tenant_id: str) -> EgressState:
        """Return the rules of a tenant."""
        with self._database.session() as session:
            return _state(session.get(EgressRules, tenant_id))

    def put(
        self,
        tenant_id: str,
        by: str,
        *,
        allow: Sequence[str],
        deny: Sequence[str],
        etag: str | None = None,
    ) -> EgressState:
        """Replace the rules of a tenant.

        Args:
            tenant_id: Whose rules they are.
            by: Who replaces them.
            allow: Nothing but these; empty: everything.
            deny: None of these.
            etag: What the caller saw last; None replaces them however they are now.

        Raises:
            InvalidInputError: One of them is no rule, or there are too many.
            EgressRulesChangedError: They are not, or no longer, what the caller saw.
        """
        spelled = {"allow": _spelled("allow", allow), "deny": _spelled("deny", deny)}
        with self._database.session() as session:
            # Of two who replace rules that nobody had set, one waits for the other.
            session.get_one(Tenant, tenant_id, with_for_update={"key_share": True})
            row = session.get(EgressRules, tenant_id)
            if etag not in (None, "*", _state(row).etag):
                raise EgressRulesChangedError(
                    "The rules about hosts have changed since you saw them. Look at them again, "
                    "and then replace them."
                )
            if row is None:
                row = EgressRules(tenant_id=tenant_id, version=0)
                session.add(row)
            row.allow, row.deny = spelled["allow"], spelled["deny"]
            row.version += 1
            row.changed_at, row.changed_by = datetime.now(tz=UTC), by
            state = _state(row)
        self._forget(tenant_id)
        _log.info("egress_rules_replaced", tenant=tenant_id, version=state.version, by=by)
        return state


def _spelled(what: str, texts: Sequence[str]) -> list[str]:
    if len(texts) > MAX_RULES:
        raise InvalidInputError(f"'{what}' has {len(texts)} rules; there can be {MAX_RULES}.")
    return [str(rule) for rule in read_rules(texts)]


def _state(row: EgressRules | None) -> EgressState:
    if row is None:
        return EgressState(allow=[], deny=[], version=0)
    return EgressState(
        allow=row.allow,
        deny=row.deny,
        version=row.version,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )
