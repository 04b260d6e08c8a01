"""How storing and reading a secret can fail. No message holds a value, or a part of one.

NotFoundError
└── UnknownSecretError   there is none of that name; says how to set it
InvalidInputError
└── InvalidSecretError   its name or its value cannot be stored
TooLargeError
└── SecretTooLargeError  more bytes or levels than a secret may have
ChangedError
└── SecretChangedError   somebody rotated or deleted it meanwhile
"""

from collections.abc import Sequence
from typing import Final

from foundation.errors import ChangedError, InvalidInputError, NotFoundError, TooLargeError

_MOST_NAMES: Final = 10
_MOST_CHARS: Final = 100


class UnknownSecretError(NotFoundError):
    """This tenant has no secret of that name."""

    code = "unknown-secret"

    def __init__(self, names: Sequence[str]) -> None:
        # The names of other secrets are not told: this reaches whoever may see a run.
        if len(names) == 1:
            name = names[0][:_MOST_CHARS]
            message = (
                f"There is no secret called '{name}'. Set it with PUT /api/v1/secrets/{name}, or "
                f"with: millwright secrets set {name}"
            )
        else:
            missing = ", ".join(f"'{name[:_MOST_CHARS]}'" for name in names[:_MOST_NAMES])
            more = ", ..." if len(names) > _MOST_NAMES else ""
            message = (
                f"There are no secrets called {missing}{more}. Set each with "
                "PUT /api/v1/secrets/<name>, or with: millwright secrets set <name>"
            )
        super().__init__(message)


class InvalidSecretError(InvalidInputError):
    """A name or a value that cannot be stored."""

    code = "invalid-secret"


class SecretTooLargeError(TooLargeError):
    """More bytes or levels than a secret may have."""


class SecretChangedError(ChangedError):
    """The secret is not what the caller saw last."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The secret '{name}' was rotated or deleted by somebody else meanwhile. Read it "
            "again, then decide whether your change still holds."
        )
