"""How many instances have led to this one: by running each other, or by what they emit.

A definition that is started by its own events would start for ever. So events carry the generation
of the instance that emitted them, and what is too many generations down does nothing.
"""

from typing import Final

from foundation.json import JsonObject

# Each may lead to several: more generations could still fill the cluster.
MAX_GENERATIONS: Final = 20
# Extension attribute of CloudEvents; one without it is the first of its line.
ATTRIBUTE: Final = "millwrightgeneration"
_DIGITS: Final = 9


def generation_of(event: JsonObject) -> int:
    """Return the generation of the instance that an event comes from.

    Raises:
        ValueError: When it is no whole number.
    """
    value = event.get(ATTRIBUTE, 0)
    # MQTT and HTTP headers know only texts.
    text = "" if isinstance(value, bool) else str(value)
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise ValueError(f"'{ATTRIBUTE}' is no whole number from 0 on")
    return int(text)


def with_generation(event: JsonObject, generation: int) -> JsonObject:
    """Mark an event with the generation of the instance that it comes from."""
    return {**event, ATTRIBUTE: generation} if generation else event
