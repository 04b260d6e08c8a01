"""The budget of one evaluation: fuel for steps, frames for nesting, bounds for what is built.

Fuel counts work, not time, so an evaluation stops at the same place on every machine and every
replay. Straight-line code is charged in one go when it is entered (its cost is known when it is
compiled); loops, calls and everything whose work depends on data charge as they go.
"""

from collections.abc import Mapping
from typing import Any, Final

from workflows.expressions.errors import NoFuel, TooBig, Value

# One unit is about one step of compiled code, 50 to 100 ns. Measured (`make bench`): the most
# expensive programs that we know end within 50 ms, and ordinary ones get 4,000 to 20,000 items
# done.
FUEL: Final = 200_000
# Nested Python frames of an evaluation, counted with a margin: 11 for a call of a small function
# where there are 2 to 7. With what is around it this stays below `expression.RECURSION_LIMIT`.
FRAMES: Final = 3_000
# jq's own bound on nesting, for values inside an evaluation ...
MAX_NESTING: Final = 10_000
# ... and the bound for what leaves it: what JSON readers everywhere accept.
MAX_RESULT_NESTING: Final = 128
# Scalars, containers and every 16 characters of text in a result.
MAX_RESULT_SIZE: Final = 150_000
# Characters of one string, items of one array.
MAX_TEXT: Final = 2_000_000
MAX_ITEMS: Final = 250_000
# Copying is done in C: this many list items or characters cost one unit.
ITEMS_PER_UNIT: Final = 16
ENTRIES_PER_UNIT: Final = 4
CHARS_PER_UNIT: Final = 64


class Run:
    """One evaluation.

    Attributes:
        fuel: Units left.
        frames: Python frames in use by nested calls.
        variables: The values of `$name` that come from outside.
    """

    __slots__ = ("_paid", "frames", "fuel", "tail", "variables")

    def __init__(self, variables: Mapping[str, Value], fuel: int = FUEL) -> None:
        self.fuel = fuel
        self.frames = 0
        # A call that the caller of the function around it has to make; see `compiler.calls`.
        self.tail: Any = None
        self._paid: set[object] | None = None
        self.variables = variables

    @property
    def paid(self) -> set[object]:
        """What this evaluation has prepared and paid for, such as compiled patterns."""
        if self._paid is None:
            self._paid = set()
        return self._paid

    def charge(self, units: int) -> None:
        """Take fuel.

        Raises:
            NoFuel: When there is not enough.
        """
        self.fuel -= units
        if self.fuel < 0:
            raise NoFuel

    def charge_text(self, length: int) -> None:
        """Take fuel for building a text of this length.

        Raises:
            NoFuel: When there is not enough.
            TooBig: When it is longer than texts may be.
        """
        if length > MAX_TEXT:
            raise TooBig(f"a text of {length:,} characters; {MAX_TEXT:,} are allowed")
        self.fuel -= length // CHARS_PER_UNIT
        if self.fuel < 0:
            raise NoFuel

    def charge_items(self, count: int) -> None:
        """Take fuel for building an array or object with this many items.

        Raises:
            NoFuel: When there is not enough.
            TooBig: When it has more items than it may.
        """
        if count > MAX_ITEMS:
            raise TooBig(f"{count:,} items in one value; {MAX_ITEMS:,} are allowed")
        self.fuel -= count // ITEMS_PER_UNIT
        if self.fuel < 0:
            raise NoFuel

    def charge_entries(self, count: int) -> None:
        """Take fuel for building an object with this many keys.

        Raises:
            NoFuel: When there is not enough.
            TooBig: When it has more keys than it may.
        """
        self.charge_items(count)
        self.fuel -= count // ENTRIES_PER_UNIT
        if self.fuel < 0:
            raise NoFuel

    def weigh(self, result: Value) -> None:
        """Check that a result is not larger or deeper than it may be.

        Shared parts count every time they occur, as they will when the result is written down.

        Raises:
            TooBig: When it is.
        """
        level: list[Value] = [result]
        size = paid = 0
        nesting = 0
        while level:
            inner: list[Value] = []
            self.charge((size - paid) >> 1)
            paid = size
            for container in level:
                size += 1
                items = container
                if type(container) is dict:
                    size += len(container)
                    items = container.values()
                elif type(container) is not list:
                    items = (container,)
                for item in items:
                    if type(item) is str:
                        size += 1 + (len(item) >> 4)
                    elif type(item) is list or type(item) is dict:
                        inner.append(item)
                    else:
                        size += 1
                if size > MAX_RESULT_SIZE:
                    raise TooBig(f"more than {MAX_RESULT_SIZE:,} values in its result")
            level = inner
            nesting += 1
            if nesting > MAX_RESULT_NESTING + 1:
                raise TooBig(f"more than {MAX_RESULT_NESTING} levels in its result")
