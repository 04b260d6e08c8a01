"""Secrets of a tenant: put, list, delete; and read, for activities alone.

Values come in through `put` and go out through `read`, to nobody else. Nothing is kept in memory:
the next call after a rotation has the new value.
"""

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from foundation.database import Database
from foundation.json import JsonValue
from foundation.pages import NamePage, page_of
from security.sealing import Sealer
from security.secrets.errors import InvalidSecretError, SecretChangedError, UnknownSecretError
from security.secrets.models import Secret
from security.secrets.repository import SecretRows
from security.secrets.schemas import NAME_PATTERN, SecretInfo, SecretPage
from security.secrets.values import spelled

PURPOSE: Final = "secret"
_NAME: Final = re.compile(NAME_PATTERN)


class Secrets:
    """The stored secrets."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def put(
        self, tenant_id: str, name: str, value: JsonValue, by: str, *, etag: str | None = None
    ) -> SecretInfo:
        """Store a secret, or give the one of that name a new value.

        Args:
            tenant_id: Whose secret it is.
            name: What definitions call it.
            value: A text, or an object of texts.
            by: Who gives it.
            etag: What the caller saw last; None stores it whatever is there now.

        Raises:
            InvalidSecretError: The name or the value cannot be one.
            SecretTooLargeError: The value has too many bytes or levels.
            SecretChangedError: It is not, or no longer, what the caller saw.
        """
        _check_name(name)
        fresh = Secret(
            name=name,
            sealed=self._sealer.seal(tenant_id, PURPOSE, name, spelled(name, value)),
            updated_at=datetime.now(tz=UTC),
            updated_by=by,
        )
        with self._database.session() as session:
            rows = SecretRows(session, tenant_id)
            if etag is not None:
                _check_seen(name, rows.secret(name, lock=True), etag)
            return _info(rows.put(fresh))

    def get(self, tenant_id: str, name: str) -> SecretInfo:
        """Return what may be seen of a secret.

        Raises:
            UnknownSecretError: There is none of that name.
        """
        with self._database.session() as session:
            return _info(_found(SecretRows(session, tenant_id), name))

    def list(
        self, tenant_id: str, *, page_size: int | None = None, page_token: str | None = None
    ) -> SecretPage:
        """Return what may be seen of secrets, in the order of their names.

        Raises:
            InvalidInputError: The page token is none of this list.
        """
        page = NamePage.of(page_size, page_token, parts=1)
        with self._database.session() as session:
            found = SecretRows(session, tenant_id).secrets(page.after[0], page.limit + 1)
            secrets, token = page_of(found, page, lambda secret: (secret.name,))
            return SecretPage(items=[_info(secret) for secret in secrets], next_page_token=token)

    def delete(self, tenant_id: str, name: str, *, etag: str | None = None) -> None:
        """Forget a secret.

        Raises:
            UnknownSecretError: There is none of that name.
            SecretChangedError: It is no longer what the caller saw.
        """
        with self._database.session() as session:
            rows = SecretRows(session, tenant_id)
            secret = _found(rows, name, lock=True)
            if etag is not None:
                _check_seen(name, secret, etag)
            rows.remove(secret)

    def read(self, tenant_id: str, names: Collection[str]) -> dict[str, JsonValue]:
        """Open secrets, for a call that is about to be made.

        Raises:
            UnknownSecretError: Some are not there; it names all of them.
            SealBrokenError: One was sealed with another master key, or for another name.
        """
        wanted = dict.fromkeys(names)
        sealed = self._sealed(tenant_id, [name for name in wanted if _NAME.fullmatch(name)])
        if missing := [name for name in wanted if name not in sealed]:
            raise UnknownSecretError(missing)
        return {name: self._opened(tenant_id, name, sealed[name]) for name in wanted}

    def _sealed(self, tenant_id: str, names: Collection[str]) -> dict[str, str]:
        if not names:
            return {}
        with self._database.session() as session:
            return SecretRows(session, tenant_id).sealed(names)

    def _opened(self, tenant_id: str, name: str, sealed: str) -> JsonValue:
        value: JsonValue = json.loads(self._sealer.open(tenant_id, PURPOSE, name, sealed))
        return value


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidSecretError(
            f"'{name[:100]}' cannot be the name of a secret: 1 to 63 letters, digits, '_' and '-', "
            "beginning with a letter or '_'."
        )


def _check_seen(name: str, secret: Secret | None, etag: str) -> None:
    """Let a change pass if the secret is what its author saw; `*` stands for any that is there."""
    if secret is None or etag not in ("*", _info(secret).etag):
        raise SecretChangedError(name)


def _found(rows: SecretRows, name: str, *, lock: bool = False) -> Secret:
    secret = rows.secret(name, lock=lock) if _NAME.fullmatch(name) else None
    if secret is None:
        raise UnknownSecretError([name])
    return secret


def _info(secret: Secret) -> SecretInfo:
    return SecretInfo.model_validate(secret, from_attributes=True)
