"""What every activity of a task is asked with: whose it is, how long it may take, what is sealed.

Secrets never cross the wire. What an author computes from a secret travels as it was written, with
what it reads besides; the activity puts the secret in (`activities.work`).
"""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, BeforeValidator

from activities.limits.types import Limits
from foundation.json import JsonObject, JsonValue


class SealedField(BaseModel, frozen=True):
    """One field of a request, not yet computed.

    Attributes:
        template: The value as written; texts in it may hold `${ }`.
        bare: A text is an expression even without `${ }`.
        joined: The template is a list whose items make one text.
    """

    template: JsonValue
    bare: bool = False
    joined: bool = False


class Sealed(BaseModel, frozen=True):
    """Everything of a request that only its activity may compute.

    Attributes:
        fields: By the name of the request's field.
        secrets: Names of the secrets that the definition declares.
        version: What the expressions mean.
        value: What they see as `.`.
        arguments: What they see as `$name`, but for the secrets.
    """

    fields: dict[str, SealedField]
    secrets: tuple[str, ...]
    version: str
    value: JsonValue = None
    arguments: JsonObject = {}


class Request(BaseModel, frozen=True):
    """Base of all requests; fields that an author can compute have a default.

    Attributes:
        timeout_s: How long the other side may take.
        repeats: What certainly had no effect is tried again by itself; not where the definition
            says how to try again, or the attempts would multiply.
        again: Something around the task tries it again when it fails, and this is not its last
            attempt, as far as that is known.
        idempotency_key: By which the other side recognises a repetition, if the author chose it.
        limits: What it has to keep to together with others; it may have to wait for its turn.
    """

    tenant_id: str
    timeout_s: float = 30.0
    repeats: bool = True
    again: bool = False
    idempotency_key: str | None = None
    sealed: Sealed | None = None
    limits: Limits | None = None


def _spelled(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


def _spelled_values(value: object) -> object:
    if isinstance(value, dict):
        return {name: _spelled(item) for name, item in value.items()}
    return value


# Headers and the like: numbers and booleans are spelled as JSON spells them.
Texts: TypeAlias = Annotated[dict[str, str], BeforeValidator(_spelled_values)]
