"""People as they are now: for what is done in somebody's name without a log-in of this moment.

A signed link names a person; what that person may do is read when the link is used, so that a role
that was taken away, or a user who was disabled, ends with it.
"""

from collections.abc import Iterable
from typing import Protocol

from typing_extensions import override

from foundation.database import Database
from security.accounts import repository
from security.accounts.models import User
from security.permissions import permissions_of
from security.principal import Principal


class People(Protocol):
    """Who there is. Sync; call it from a thread."""

    def by_id(self, tenant_id: str, user_id: str) -> Principal | None:
        """Return a user; None for one who is not there or is disabled."""
        ...

    def by_email(self, tenant_id: str, email: str) -> Principal | None:
        """Return the user with this address; None when nobody has it, or is disabled."""
        ...


class StoredPeople(People):
    """The users of the installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @override
    def by_id(self, tenant_id: str, user_id: str) -> Principal | None:
        with self._database.session() as session:
            return _principal(repository.user(session, tenant_id, user_id))

    @override
    def by_email(self, tenant_id: str, email: str) -> Principal | None:
        with self._database.session() as session:
            return _principal(repository.user_by_email(session, tenant_id, email.lower()))


class PeopleInMemory(People):
    """The same without a database."""

    def __init__(self, people: Iterable[Principal] = ()) -> None:
        self._people = {(each.tenant_id, each.subject): each for each in people}

    def add(self, principal: Principal) -> None:
        """Let somebody be there, with these roles from now on."""
        self._people[principal.tenant_id, principal.subject] = principal

    def remove(self, principal: Principal) -> None:
        """Let somebody be gone."""
        self._people.pop((principal.tenant_id, principal.subject), None)

    @override
    def by_id(self, tenant_id: str, user_id: str) -> Principal | None:
        return self._people.get((tenant_id, user_id))

    @override
    def by_email(self, tenant_id: str, email: str) -> Principal | None:
        return next(
            (
                each
                for each in self._people.values()
                if (each.tenant_id, each.email.lower()) == (tenant_id, email.lower())
            ),
            None,
        )


def _principal(user: User | None) -> Principal | None:
    if user is None or user.disabled_at is not None:
        return None
    return Principal(
        tenant_id=user.tenant_id,
        subject=user.id,
        email=user.email,
        roles=frozenset(user.roles),
        permissions=permissions_of(user.roles),
    )
