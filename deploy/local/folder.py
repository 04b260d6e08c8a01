"""The folder of a local stack: where everything is, its secrets, and who uses it now.

Secrets are made once, kept readable for their owner only, and never printed except the first
password.
"""

import base64
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import ConflictError, InvalidInputError

OWNER_ONLY = 0o600


@dataclass(frozen=True)
class Folder:
    """Where the parts of one stack are."""

    root: Path

    @property
    def postgres(self) -> Path:
        """The embedded PostgreSQL."""
        return self.root / "postgres"

    @property
    def runs(self) -> Path:
        """What the Temporal dev server keeps."""
        return self.root / "temporal.db"

    @property
    def blobs(self) -> Path:
        """Values of runs that are too large for the Temporal dev server."""
        return self.root / "blobs"

    @property
    def workbooks(self) -> Path:
        """The only folder that the Excel server opens files of."""
        return self.root / "workbooks"

    @property
    def logs(self) -> Path:
        """One log for each program."""
        return self.root / "logs"

    @property
    def keys(self) -> Path:
        """What nobody else may read."""
        return self.root / "keys"

    @property
    def master_key(self) -> Path:
        """Seals credentials and signing keys in the database: useless without it."""
        return self.keys / "master"

    @property
    def password(self) -> Path:
        """The password of the first user."""
        return self.keys / "admin-password"

    @property
    def excel_token(self) -> Path:
        """What the Excel server wants to hear."""
        return self.keys / "excel-token"

    def prepare(self) -> None:
        """Make the folder and those in it, closed to other users where they hold secrets.

        Raises:
            InvalidInputError: When it cannot be written to.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            self.workbooks.mkdir(mode=0o700, exist_ok=True)
            self.keys.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise InvalidInputError(
                f"The data folder {self.root} cannot be used: {error.strerror}. Choose another "
                "with --data-dir or MILLWRIGHT_LOCAL_DATA_DIR."
            ) from error

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Keep every other stack out of the folder; ends with this process, however it ends.

        Raises:
            ConflictError: When a stack uses it already.
        """
        with self._lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._taken() from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def require_unused(self) -> None:
        """Refuse a folder that another stack uses now; makes and changes nothing.

        Raises:
            ConflictError: Naming the process that uses it.
        """
        if self.in_use_by() is not None:
            raise self._taken()

    def in_use_by(self) -> str | None:
        """Tell which process runs a stack here, without getting in its way."""
        with suppress(FileNotFoundError), self._lock.open("r") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read().strip()
        return None

    def _taken(self) -> ConflictError:
        return ConflictError(
            f"Another stack runs in {self.root} (process {self._lock.read_text()}). Stop it with "
            "Ctrl-C, or choose another folder with --data-dir, and other ports."
        )

    @property
    def _lock(self) -> Path:
        return self.root / "stack.lock"


def new_master_key() -> str:
    """Draw 32 random bytes, in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def new_token() -> str:
    """Draw a password or bearer token of 144 bits."""
    return secrets.token_urlsafe(18)


def kept_secret(file: Path, fresh: str) -> str:
    """Read a secret, or keep this fresh one from now on."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(descriptor, "w") as created:
        created.write(fresh)
    return fresh
