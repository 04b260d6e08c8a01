"""All builtins whose arguments are plain values."""

from collections.abc import Callable, Mapping
from typing import Final

from workflows.expressions.builtins import containers, dates, formats, maths, regex, text
from workflows.expressions.errors import Value

# (name, arguments) -> function(run, input, *arguments)
FUNCTIONS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {
    **containers.FUNCTIONS,
    **dates.FUNCTIONS,
    **formats.FUNCTIONS,
    **maths.FUNCTIONS,
    **regex.FUNCTIONS,
    **text.FUNCTIONS,
}
# The same for those that give several outputs: as a list.
LISTS: Final[Mapping[tuple[str, int], Callable[..., list[Value]]]] = {
    **containers.LISTS,
    **regex.LISTS,
}
