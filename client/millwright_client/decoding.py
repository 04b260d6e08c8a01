"""JSON into the dataclasses of `models`, by their annotations.

Members that this version does not know are left out; one that is missing is an error.
"""

import re
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime, timedelta
from functools import cache
from types import UnionType
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from millwright_client.errors import MillwrightProtocolError

T = TypeVar("T")
_Decoder = Callable[[Any], Any]

_DURATION: Final = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


def decode(kind: type[T], value: Any) -> T:
    """Read a value as `kind`.

    Raises:
        MillwrightProtocolError: When it is something else.
    """
    try:
        return cast(T, _decoder(cast(Any, kind))(value))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MillwrightProtocolError(
            f"The answer is no {kind.__name__} of the Millwright API ({error!r}). "
            "Check the address, and that client and server are of the same release."
        ) from error


@cache
def _decoder(kind: Any) -> _Decoder:
    if is_dataclass(kind):
        return _of_dataclass(cast(type, kind))
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _optional(arguments)
    if origin in (list, tuple):
        item = _decoder(arguments[0])
        return lambda value: origin(item(each) for each in _checked(list, value))
    special: dict[Any, _Decoder] = {
        Any: lambda value: value,
        datetime: datetime.fromisoformat,
        timedelta: duration,
        float: float,
    }
    return special.get(kind) or (lambda value: _checked(origin or kind, value))


def _of_dataclass(kind: type) -> _Decoder:
    hints = get_type_hints(kind)
    members = [(field.name, _decoder(hints[field.name]), field) for field in fields(kind)]

    def read(value: Any) -> Any:
        known: dict[str, Any] = {}
        for name, decoder, field in members:
            if name in _checked(dict, value):
                known[name] = decoder(value[name])
            elif field.default is MISSING and field.default_factory is MISSING:
                raise KeyError(name)
        return kind(**known)

    return read


def _optional(kinds: tuple[Any, ...]) -> _Decoder:
    (kind,) = (each for each in kinds if each is not type(None))
    decoder = _decoder(kind)
    return lambda value: None if value is None else decoder(value)


def _checked(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


def duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of days and smaller.

    Raises:
        ValueError: When it is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no duration")
    return timedelta(**{unit: float(value) for unit, value in match.groupdict("0").items()})
