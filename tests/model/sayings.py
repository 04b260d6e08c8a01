"""What generated definitions say in jq, each with its meaning in Python.

The reference model has no jq: whoever generates an expression says what it means.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

Meaning = Callable[[Any, Mapping[str, Any]], Any]


class Saying(str):
    """An expression, and what it gives for a value and the variables there are."""

    __slots__ = ("meaning",)
    meaning: Meaning

    def __new__(cls, text: str, meaning: Meaning) -> Self:
        made = super().__new__(cls, text)
        made.meaning = meaning
        return made


def size(value: Any) -> int:
    """Count the texts in a value: what has been marked, in it."""
    match value:
        case str():
            return 1
        case list():
            return sum(map(size, value))
        case dict():
            return sum(map(size, value.values()))
        case _:
            return 0


def marked(label: str) -> Saying:
    """Keep all that came in, and who was here."""
    return Saying(f'${{ [., "{label}"] }}', lambda value, _: [value, label])


def marked_with(label: str, variable: str, path: str = "") -> Saying:
    """Keep what a variable holds, too."""
    key = path.removeprefix(".")
    return Saying(
        f'${{ [., "{label}", ${variable}{path}] }}',
        lambda value, names: [value, label, names[variable][key] if key else names[variable]],
    )


def smaller(limit: int) -> Saying:
    """Tell whether less has been marked."""
    return Saying(
        f"${{ ([.. | strings] | length) < {limit} }}", lambda value, _: size(value) < limit
    )


def items(given: list[int]) -> Saying:
    """Give an array."""
    return Saying(f"${{ {given} }}", lambda _, __: given)


def index_below(limit: int) -> Saying:
    """Tell whether a loop is in one of its first turns."""
    return Saying(f"${{ $index < {limit} }}", lambda _, names: names["index"] < limit)


def an_array() -> Saying:
    """Tell whether it is one."""
    return Saying('${ type == "array" }', lambda value, _: isinstance(value, list))


def at_least(count: int) -> Saying:
    """Tell whether an array has so many items."""
    return Saying(f"${{ length >= {count} }}", lambda value, _: len(value) >= count)


def matching(least: int) -> Saying:
    """Tell whether an event's number is large enough."""
    return Saying(f"${{ . >= {least} }}", lambda value, _: value >= least)


def error_status(status: int) -> Saying:
    """Tell whether the error has this status."""
    return Saying(
        f"${{ $error.status == {status} }}", lambda _, names: names["error"]["status"] == status
    )


def exported(label: str) -> Saying:
    """Add to the context; in which order does not matter."""
    return Saying(
        f'${{ $context + {{ "{label}": true }} }}',
        lambda _, names: {**names["context"], label: True},
    )


def answered() -> Saying:
    """Keep of an approval what does not differ from run to run."""
    return Saying(
        '${ if type == "object" then [.approved, [.votes[].approves]] else . end }',
        lambda value, _: [value["approved"], value["votes"]] if isinstance(value, dict) else value,
    )


def all_of_it() -> Saying:
    """Give the output and the context."""
    return Saying(
        "${ { output: ., context: $context } }",
        lambda value, names: {"output": value, "context": names["context"]},
    )
