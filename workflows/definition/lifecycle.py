"""Events of the language that tell what instances do, and who hears of them."""

from collections.abc import Mapping
from typing import Final

from foundation.json import ReadableJson
from workflows.expressions import has_expressions

# What their types begin with; in a regular expression a dot may be written as one.
LIFECYCLE: Final = "io.serverlessworkflow."
_AS_PATTERN: Final = LIFECYCLE.replace(".", r"\.")


def asks_for_lifecycle(given: Mapping[str, ReadableJson]) -> bool:
    """Tell whether the `with` of a filter means them.

    They come only to those who name them: a text for `type` that begins as theirs do. Who means
    all events would otherwise hear of itself whenever it does something about one.
    """
    type_ = given.get("type")
    return (
        isinstance(type_, str)
        and not has_expressions(type_)
        and type_.startswith((LIFECYCLE, _AS_PATTERN))
    )
