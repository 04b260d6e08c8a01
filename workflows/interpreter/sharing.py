"""Carry a value once that stands in many places, as the input of a loop does in all around it."""

from collections import defaultdict

from pydantic import BaseModel

from foundation.json import JsonValue
from workflows.interpreter.position import State

# What is shorter costs less than saying where else it stands.
_SHORT = 200


class Shared(BaseModel, frozen=True):
    """A value, and where it was taken out.

    Attributes:
        is_input: It is the input of the run, which is carried anyway.
        at: Path and name within the state there.
    """

    at: list[tuple[str, str]]
    value: JsonValue = None
    is_input: bool = False


def shared(states: dict[str, State], run_input: JsonValue) -> tuple[dict[str, State], list[Shared]]:
    """Take out what is the same object in several places; equal ones are not looked for."""
    places: dict[int, list[tuple[str, str]]] = defaultdict(list)
    values: dict[int, JsonValue] = {}
    for path, state in states.items():
        for name, value in state.items():
            if isinstance(value, (dict, list)) or (isinstance(value, str) and len(value) > _SHORT):
                places[id(value)].append((path, name))
                values[id(value)] = value
    found = [
        Shared(at=at, is_input=True)
        if values[key] is run_input
        else Shared(at=at, value=values[key])
        for key, at in places.items()
        if len(at) > 1 or values[key] is run_input
    ]
    gone = {place for each in found for place in each.at}
    left = {
        path: {name: value for name, value in state.items() if (path, name) not in gone}
        for path, state in states.items()
    }
    return left, found


def restored(
    states: dict[str, State], found: list[Shared], run_input: JsonValue
) -> dict[str, State]:
    """Put back what was taken out, except where something else has been put since."""
    whole = {path: dict(state) for path, state in states.items()}
    for each in found:
        value = run_input if each.is_input else each.value
        for path, name in each.at:
            whole.setdefault(path, {}).setdefault(name, value)
    return whole
