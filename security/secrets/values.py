"""What a secret may be, checked before it is sealed: a text, or an object whose leaves are texts.

Messages name the place in a value, never what is there.
"""

from collections.abc import Iterator
from typing import Final

from foundation.json import JsonValue, canonical
from security.secrets.errors import InvalidSecretError, SecretTooLargeError

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 8
# Answers of servers are searched for the texts of secrets, to hide them. A shorter one would be
# found everywhere.
MIN_CHARS: Final = 4
_MAX_SHOWN: Final = 200

_Steps = tuple[str | int, ...]


def spelled(name: str, value: JsonValue) -> bytes:
    """Spell the value of a secret for the sealer.

    Raises:
        InvalidSecretError: When something in it is no text, too short or empty.
        SecretTooLargeError: When it has too many bytes or levels.
    """
    if not isinstance(value, str | dict):
        raise InvalidSecretError(
            f"The secret '{name}' has to be a text, or an object of texts such as "
            '{"username": "...", "password": "..."}.'
        )
    for steps, found in _walked(name, value):
        if problem := _problem(found):
            raise InvalidSecretError(f"{_place(name, steps)} {problem}")
    return _bounded(name, value)


def _walked(name: str, root: JsonValue) -> Iterator[tuple[_Steps, JsonValue]]:
    """Go through everything in a value, without recursion: nobody has bounded its depth yet."""
    pending: list[tuple[_Steps, JsonValue]] = [((), root)]
    while pending:
        steps, value = pending.pop()
        if isinstance(value, dict | list) and len(steps) >= MAX_DEPTH:
            raise SecretTooLargeError(
                f"The secret '{name}' nests more than {MAX_DEPTH} levels. Store it as several "
                "secrets, or as one text."
            )
        yield steps, value
        match value:
            case dict():
                pending.extend(((*steps, key), item) for key, item in value.items())
            case list():
                pending.extend(((*steps, index), item) for index, item in enumerate(value))
            case _:
                pass


def _problem(value: JsonValue) -> str | None:
    match value:
        case str() if len(value.strip()) < MIN_CHARS:
            return (
                f"has fewer than {MIN_CHARS} characters (spaces around it do not count). Results "
                "of calls are searched for secrets to hide them, and one as short as this would be "
                "found everywhere. If it is no secret, write it into the definition instead."
            )
        case str():
            return None
        case dict() | list():
            return None if value else "is empty: there is nothing to keep secret."
        case _:
            return (
                "is no text. A secret is made of texts: put a number into quotes, and leave out "
                "what is null."
            )


def _place(name: str, steps: _Steps) -> str:
    if not steps:
        return f"The secret '{name}'"
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return f"What the secret '{name}' has at {pointer[:_MAX_SHOWN]}"


def _bounded(name: str, value: JsonValue) -> bytes:
    try:
        plain = canonical(value)
    except UnicodeEncodeError:
        # Without its cause, which holds the value.
        raise InvalidSecretError(
            f"The secret '{name}' holds half a character (a lone surrogate), which nothing can "
            "carry. Check where it was copied from."
        ) from None
    if len(plain) > MAX_BYTES:
        raise SecretTooLargeError(
            f"The secret '{name}' has {len(plain):,} bytes as JSON; at most {MAX_BYTES:,} are "
            "stored."
        )
    return plain
