"""Settings as the environment variables that give them to a child process."""

import json
from collections.abc import Mapping

from pydantic import BaseModel, SecretStr

from foundation.settings import Settings


def as_environment(settings: Settings) -> dict[str, str]:
    """Spell every setting as its variable, so that a child has exactly these settings."""
    variables: dict[str, str] = {"MILLWRIGHT_PROFILE": settings.profile}
    for group in type(settings).model_fields:
        values = getattr(settings, group)
        if isinstance(values, BaseModel):
            variables |= _group(group, values)
    return variables


def child_environment(ours: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Our own environment, with these settings in the place of those it has."""
    kept = {name: value for name, value in ours.items() if not name.startswith("MILLWRIGHT_")}
    return kept | as_environment(settings) | {"PYTHONUNBUFFERED": "1"}


def _group(group: str, values: BaseModel) -> dict[str, str]:
    return {
        f"MILLWRIGHT_{group}_{name}".upper(): _spelled(value)
        for name, value in values
        # No variable means None; an empty one would mean "".
        if value is not None
    }


def _spelled(value: object) -> str:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case bool() | list() | dict():
            return json.dumps(value, default=_revealed)
        case _:
            return str(value)


def _revealed(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    raise TypeError(f"a setting holds {type(value).__name__}, which no variable can")
