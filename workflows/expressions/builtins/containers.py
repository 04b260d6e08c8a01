"""Builtins on arrays and objects whose arguments are plain values."""

from collections.abc import Callable, Iterator, Mapping
from math import ceil
from typing import Final

from workflows.expressions.access import (
    children,
    delete_paths,
    get,
    keys_of,
    positions_of,
    put_path,
)
from workflows.expressions.builtins.text import FUNCTIONS as TEXTS
from workflows.expressions.builtins.text import charge_search
from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import MAX_ITEMS, MAX_NESTING, Run
from workflows.expressions.operators import add as plus
from workflows.expressions.printing import kind
from workflows.expressions.values import compare, equal, is_number, number, sorted_values, to_index


def length(_run: Run, value: Value) -> Value:
    """Items, characters, or the absolute value of a number."""
    if type(value) in (str, list, dict):
        return len(value)
    if value is None:
        return 0
    if is_number(value):
        return abs(value) if type(value) is float else number(abs(value))
    raise OperandError("{} has no length", value)


def type_of(_run: Run, value: Value) -> str:
    """Name of the type."""
    return kind(value)


def keys(run: Run, value: Value) -> list[Value]:
    """Keys in order."""
    if type(value) is dict:
        run.charge(2 * len(value))
        return sorted(value)
    if type(value) is list:
        run.charge_items(len(value))
        return list(range(len(value)))
    raise OperandError("{} has no keys", value)


def keys_unsorted(run: Run, value: Value) -> list[Value]:
    """Keys in their own order."""
    if type(value) is dict:
        run.charge_items(len(value))
        return list(value)
    return keys(run, value)


def has(_run: Run, value: Value, key: Value) -> bool:
    """Tell whether a key is there."""
    if value is None:
        return False
    if type(value) is dict and type(key) is str:
        return key in value
    if type(value) is list and is_number(key):
        return key == key and 0 <= to_index(key) < len(value)  # noqa: PLR0124 - NaN
    raise JqError(f"Cannot check whether {kind(value)} has a {kind(key)} key")


def contains(run: Run, value: Value, wanted: Value) -> bool:
    """Tell whether everything in `wanted` is somewhere in `value`."""
    if type(value) is bool and value is not wanted:
        # True and false are kinds of their own here.
        raise OperandError("{} and {} cannot have their containment checked", value, wanted)
    return _contains(run, value, wanted, 0)


def _contains(run: Run, value: Value, wanted: Value, nesting: int) -> bool:
    """Descend through single children without recursion, so that depth costs no stack."""
    while True:
        run.charge(5)
        if nesting > MAX_NESTING:
            raise JqError("Containment check too deep")
        if type(value) is not type(wanted) and not (is_number(value) and is_number(wanted)):
            raise OperandError("{} and {} cannot have their containment checked", value, wanted)
        if type(value) is dict:
            if any(key not in value for key in wanted):
                return False
            run.charge(3 * len(wanted))
            pairs = [(value.get(key), item) for key, item in wanted.items()]
            if len(pairs) == 1 and _comparable(*pairs[0]):
                ((value, wanted),) = pairs
                nesting += 1
                continue
            return all(_part(run, mine, theirs, nesting + 1) for mine, theirs in pairs)
        if type(value) is list:
            if len(wanted) == 1 and len(value) == 1 and _comparable(value[0], wanted[0]):
                value, wanted = value[0], wanted[0]
                nesting += 1
                continue
            return all(
                any(_part(run, mine, theirs, nesting + 1) for mine in value) for theirs in wanted
            )
        if type(value) is str:
            charge_search(run, value, wanted)
            return wanted in value
        return equal(run, value, wanted)


def _comparable(mine: Value, theirs: Value) -> bool:
    return type(mine) is type(theirs) or (is_number(mine) and is_number(theirs))


def _part(run: Run, mine: Value, theirs: Value, nesting: int) -> bool:
    run.charge(6)
    if not _comparable(mine, theirs):
        return False
    if nesting > _MAX_BRANCHING_NESTING:
        raise JqError("Containment check too deep")
    return _contains(run, mine, theirs, nesting)


# Below a fork each level takes Python frames.
_MAX_BRANCHING_NESTING: Final = 250


def add(run: Run, value: Value) -> Value:
    """Sum of all items."""
    items = children(value)
    run.charge(2 * len(items))
    return total(run, items)


def total(run: Run, items: object) -> Value:
    """Add values of any one kind; null when there are none. Texts and arrays are joined at once."""
    parts = list(items)  # type: ignore[call-overload]
    kinds = {type(part) for part in parts} - {type(None)}
    if kinds == {str}:
        texts = [part for part in parts if part is not None]
        run.charge_text(sum(map(len, texts)))
        return "".join(texts)
    if kinds == {list}:
        lists = [part for part in parts if part is not None]
        run.charge_items(sum(map(len, lists)))
        return [item for part in lists for item in part]
    if kinds == {dict}:
        run.charge_entries(sum(len(part) for part in parts if part is not None))
        merged: dict[str, Value] = {}
        for part in parts:
            merged.update(part or {})
        return merged
    result = None
    for part in parts:
        result = plus(run, result, part)
    return result


def reverse(run: Run, value: Value) -> Value:
    """Items, last first."""
    if type(value) is list:
        run.charge_items(len(value))
        return value[::-1]
    if length(run, value) == 0:
        return []
    return get(run, value, 0)


def sort(run: Run, value: Value) -> list[Value]:
    """Items in jq's order."""
    items = _array(value)
    return [items[position] for position in sorted_values(run, items, items)]


def _array(value: Value) -> list[Value]:
    if type(value) is not list:
        raise OperandError("{} cannot be sorted, as it is not an array", value)
    return value


ITERATED: Final = "{} and {} cannot be iterated over"


def unique(run: Run, value: Value) -> list[Value]:
    """Items in jq's order, each once."""
    return [group[0] for group in grouped(run, _array(value), value)]


def grouped(run: Run, items: list[Value], by: list[Value]) -> list[list[Value]]:
    """Group items whose keys are equal, groups in the order of their keys."""
    groups: list[list[Value]] = []
    last: Value = None
    for position in sorted_values(run, items, by):
        if groups and compare(run, last, by[position]) == 0:
            groups[-1].append(items[position])
        else:
            groups.append([items[position]])
            last = by[position]
    return groups


def smallest(run: Run, items: list[Value], by: list[Value]) -> Value:
    """First item with the smallest key."""
    if not items:
        return None
    best = 0
    for position in range(1, len(items)):
        if compare(run, by[position], by[best]) < 0:
            best = position
    return items[best]


def largest(run: Run, items: list[Value], by: list[Value]) -> Value:
    """Last item with the largest key."""
    if not items:
        return None
    best = 0
    for position in range(1, len(items)):
        if compare(run, by[position], by[best]) >= 0:
            best = position
    return items[best]


def minimum(run: Run, value: Value) -> Value:
    """Smallest item."""
    if type(value) is not list:
        raise OperandError(ITERATED, value, value)
    return smallest(run, value, value)


def maximum(run: Run, value: Value) -> Value:
    """Largest item."""
    if type(value) is not list:
        raise OperandError(ITERATED, value, value)
    return largest(run, value, value)


def bsearch(run: Run, value: Value, wanted: Value) -> int:
    """Position in a sorted array, or -1 - where it would be inserted."""
    if type(value) is not list:
        raise OperandError("{} cannot be searched from", value)
    low, high = 0, len(value)
    while low < high:
        middle = (low + high) // 2
        order = compare(run, value[middle], wanted)
        if order == 0:
            return middle
        if order < 0:
            low = middle + 1
        else:
            high = middle
    return -1 - low


def flatten(run: Run, value: Value, depth: Value = 1_000_000_000) -> list[Value]:
    """Take inner arrays apart, so many levels deep."""
    if compare(run, depth, 0) < 0:
        raise JqError("flatten depth must not be negative")
    if not is_number(depth):
        # As in jq, it only matters when there is something to take apart.
        if any(type(item) is list for item in children(value)):
            raise OperandError("{} and {} cannot be subtracted", depth, 1)
        depth = 0
    made: list[Value] = []
    stack: list[Iterator[Value]] = [iter(children(value))]
    while stack:
        for item in stack[-1]:
            run.charge(1)
            if type(item) is list and len(stack) <= depth:
                run.charge(1)
                stack.append(iter(item))
                break
            made.append(item)
        else:
            stack.pop()
    return made


def to_entries(run: Run, value: Value) -> list[Value]:
    """`{a: 1}` as `[{key: "a", value: 1}]`."""
    if type(value) is dict:
        run.charge(4 * len(value))
        return [{"key": key, "value": item} for key, item in value.items()]
    if type(value) is list:
        run.charge(4 * len(value))
        return [{"key": key, "value": item} for key, item in enumerate(value)]
    raise OperandError("{} has no keys", value)


_KEYS: Final = ("key", "Key", "name", "Name")


def from_entries(run: Run, value: Value) -> dict[str, Value]:
    """`[{key: "a", value: 1}]` as `{a: 1}`; `name` and capitals are understood, too."""
    items = children(value)
    run.charge(10 * len(items))
    made: dict[str, Value] = {}
    for item in items:
        if type(item) is not dict:
            get(run, item, "key")
        entry = item or {}
        name = next((entry[key] for key in _KEYS if _given(entry.get(key))), None)
        if type(name) is not str:
            raise OperandError("Cannot use {} as object key", name)
        made[name] = entry["value"] if "value" in entry else entry.get("Value")
    return made


def _given(value: Value) -> bool:
    return value is not None and value is not False


def transpose(run: Run, value: Value) -> list[Value]:
    """Rows as columns; short rows are padded with null."""
    rows = children(value)
    run.charge(2 * len(rows))
    lengths = [length(run, row) for row in rows]
    widest = max((each for each in lengths if each == each), default=0)  # noqa: PLR0124 - NaN
    width = ceil(min(widest, MAX_ITEMS + 1))
    run.charge_items(width)
    run.charge(3 * width * len(rows) + width + 1)
    return [[get(run, row, column) for row in rows] for column in range(width)]


def to_array(_run: Run, value: Value) -> list[Value]:
    """An array as it is, anything else as the one item of an array."""
    return value if type(value) is list else [value]


def indices(run: Run, value: Value, wanted: Value) -> Value:
    """Positions at which something occurs."""
    if type(value) is list:
        return positions_of(run, value, wanted if type(wanted) is list else [wanted])
    if type(value) is str and type(wanted) is str:
        return TEXTS["_strindices", 1](run, value, wanted)
    return get(run, value, wanted)


def index(run: Run, value: Value, wanted: Value) -> Value:
    """First position at which something occurs, or null."""
    found = indices(run, value, wanted)
    return get(run, found, 0)


def rindex(run: Run, value: Value, wanted: Value) -> Value:
    """Last position at which something occurs, or null."""
    found = indices(run, value, wanted)
    return get(run, get(run, found, {"start": -1, "end": None}), 0)


def inverted(_run: Run, value: Value) -> bool:
    """`not`"""
    return value is None or value is False


def to_stream(run: Run, value: Value) -> list[Value]:
    """A value as events `[path, leaf]`, with `[path]` at the end of each container."""
    events: list[Value] = []
    # Containers that are open: their keys still to visit, and their path.
    stack: list[tuple[Value, Iterator[Value], list[Value]]] = []
    current, path = value, list[Value]()
    while True:
        run.charge(8 + len(path))
        if type(current) in (list, dict) and current:
            stack.append((current, iter(keys_of(current)), path))
        else:
            events.append([path, current])
        while stack:
            container, rest, above = stack[-1]
            key = next(rest, None)
            if key is not None:
                current, path = container[key], [*above, key]
                break
            last = list(keys_of(container))[-1]
            run.charge(len(container) + len(above))
            events.append([[*above, last]])
            stack.pop()
        else:
            return events


FUNCTIONS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {
    ("add", 0): add,
    ("bsearch", 1): bsearch,
    ("contains", 1): contains,
    ("delpaths", 1): delete_paths,
    ("flatten", 0): flatten,
    ("flatten", 1): flatten,
    ("from_entries", 0): from_entries,
    ("has", 1): has,
    ("have_decnum", 0): lambda _run, _value: True,
    ("have_literal_numbers", 0): lambda _run, _value: True,
    ("index", 1): index,
    ("indices", 1): indices,
    ("keys", 0): keys,
    ("keys_unsorted", 0): keys_unsorted,
    ("length", 0): length,
    ("max", 0): maximum,
    ("min", 0): minimum,
    ("not", 0): inverted,
    ("reverse", 0): reverse,
    ("rindex", 1): rindex,
    ("setpath", 2): put_path,
    ("sort", 0): sort,
    ("to_entries", 0): to_entries,
    ("toarray", 0): to_array,
    ("transpose", 0): transpose,
    ("type", 0): type_of,
    ("unique", 0): unique,
}
LISTS: Final[Mapping[tuple[str, int], Callable[..., list[Value]]]] = {
    ("tostream", 0): to_stream,
}
