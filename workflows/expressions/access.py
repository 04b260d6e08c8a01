"""Reading, replacing and deleting parts of values. Nothing is changed in place: parts are copied.

A key is a text (objects), a number (arrays), or a slice: an object with `start` and `end`.
"""

from collections.abc import Sequence
from functools import cmp_to_key
from itertools import groupby
from math import ceil, floor
from typing import Any, Final, TypeAlias

from typing_extensions import override

from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import MAX_NESTING, Run
from workflows.expressions.printing import described, kind, masked
from workflows.expressions.values import compare, equal, is_number, to_index

Path: TypeAlias = tuple[Value, ...]
# jq's own bound; ours is lower and comes first, but for this the program may catch the error.
_MAX_INDEX: Final = 536_870_911


class IndexError_(JqError):  # noqa: N801, N818 - jq calls it so; the name is taken
    """A value cannot be indexed that way; its words are made when somebody reads them."""

    __slots__ = ("key", "target")

    def __init__(self, target: Value, key: Value) -> None:
        super().__init__()
        self.target = target
        self.key = key

    @property
    @override
    def value(self) -> Value:
        return f"Cannot index {kind(self.target)} with {described(self.key)}"

    @property
    @override
    def operands(self) -> tuple[Value, ...]:
        return (self.target,)

    @override
    def told(self) -> str:
        return f"Cannot index {kind(self.target)} with {masked(self.key)}"


def get(run: Run, target: Value, key: Value) -> Value:
    """Read `target[key]`; what is not there is null.

    Raises:
        JqError: When the types do not fit.
    """
    kind_target, kind_key = type(target), type(key)
    if kind_target is dict:
        if kind_key is str:
            return target.get(key)
    elif kind_target is list:
        if kind_key is int or kind_key is float:
            if key != key:  # noqa: PLR0124 - NaN
                return None
            index = to_index(key)
            size = len(target)
            if index < 0:
                index += size
            return target[index] if 0 <= index < size else None
        if kind_key is dict:
            start, end = slice_bounds(len(target), key)
            run.charge_items(end - start)
            return target[start:end]
        if kind_key is list:
            return positions_of(run, target, key)
    elif target is None:
        if kind_key in (str, int, float, dict):
            return None
    elif kind_target is str and kind_key is dict:
        start, end = slice_bounds(len(target), key)
        run.charge_text(end - start)
        return target[start:end]
    raise IndexError_(target, key)


def slice_bounds(size: int, key: dict[str, Value]) -> tuple[int, int]:
    """Turn a slice into positions within a sequence of that size.

    Raises:
        JqError: When its ends are not numbers.
    """
    low, high = key.get("start", False), key.get("end", False)
    if not (low is None or is_number(low)) or not (high is None or is_number(high)):
        raise JqError("Array/string slice indices must be integers")
    start = floor(_bound(0 if low is None or low != low else low, size))  # noqa: PLR0124 - NaN
    end = ceil(_bound(size if high is None or high != high else high, size))  # noqa: PLR0124 - NaN
    return start, max(start, end)


def _bound(position: float, size: int) -> float:
    if abs(position) > size:
        return size if position > 0 else 0
    return position + size if position < 0 else position


def positions_of(run: Run, items: list[Value], wanted: list[Value]) -> list[Value]:
    """Find where `wanted` occurs in `items` as a consecutive part."""
    if not wanted:
        return []
    size = len(wanted)
    if size == 1 and type(wanted[0]) is str:
        run.charge(len(items) // 2)
        return [index for index, item in enumerate(items) if item == wanted[0]]
    run.charge((3 + size) * len(items))
    return [
        index
        for index in range(len(items) - size + 1)
        if all(equal(run, items[index + offset], wanted[offset]) for offset in range(size))
    ]


def put(run: Run, target: Value, key: Value, value: Value) -> Value:
    """Return `target` with `target[key] = value`; null becomes whatever the key fits.

    Raises:
        JqError: When the types do not fit, or the index is out of range.
    """
    kind_target, kind_key = type(target), type(key)
    if kind_key is str and (kind_target is dict or target is None):
        run.charge_entries(len(target or ()))
        return {**(target or {}), key: value}
    if (kind_key is int or kind_key is float) and (kind_target is list or target is None):
        return _put_item(run, target or [], key, value)
    if kind_key is dict and (kind_target is list or target is None):
        if type(value) is not list:
            raise JqError("A slice of an array can only be assigned another array")
        items = target or []
        start, end = slice_bounds(len(items), key)
        run.charge_items(len(items) + len(value))
        return [*items[:start], *value, *items[end:]]
    if kind_key is dict and kind_target is str:
        raise JqError("Cannot update string slices")
    if kind_key is list and kind_target is list:
        raise JqError("Cannot update field at array index of array")
    raise IndexError_(target, key)


def _put_item(run: Run, items: list[Value], key: float, value: Value) -> list[Value]:
    if key != key:  # noqa: PLR0124 - NaN
        raise JqError("Cannot set array element at NaN index")
    index = to_index(key)
    if index < 0:
        index += len(items)
        if index < 0:
            raise JqError("Out of bounds negative array index")
    if index > _MAX_INDEX:
        raise JqError("Array index too large")
    run.charge_items(max(len(items), index + 1))
    made = items + [None] * (index + 1 - len(items))
    made[index] = value
    return made


def path_of(path: Value) -> Sequence[Value]:
    """Check that a value is a path.

    Raises:
        JqError: When it is not.
    """
    if type(path) is not list:
        raise JqError("Path must be specified as an array")
    if len(path) > MAX_NESTING:
        raise JqError("Path too deep")
    return path


def get_path(run: Run, target: Value, path: Value) -> Value:
    """Read what is at a path; null below null.

    Raises:
        JqError: When the types on the way do not fit.
    """
    keys = path_of(path)
    run.charge(3 * len(keys))
    for key in keys:
        target = get(run, target, key)
    return target


def put_path(run: Run, target: Value, path: Value, value: Value) -> Value:
    """Return `target` with another value at a path.

    Raises:
        JqError: When the types on the way do not fit.
    """
    keys = path_of(path)
    run.charge(10 * len(keys) + 4)
    parents = []
    for key in keys:
        parents.append(target)
        target = get(run, target, key)
    for parent, key in zip(reversed(parents), reversed(keys), strict=True):
        value = put(run, parent, key, value)
    return value


def delete_paths(run: Run, target: Value, paths: Value) -> Value:
    """Return `target` without what is at the paths.

    Raises:
        JqError: When they are no paths, or the types on the way do not fit.
    """
    if type(paths) is not list:
        raise JqError("Paths must be specified as an array")
    run.charge(14 * len(paths))
    for path in paths:
        if type(path) is not list:
            raise JqError(f"Path must be specified as array, not {kind(path)}")
    checked = [path_of(path) for path in paths]
    run.charge(2 * sum(map(len, checked)))
    ordered = sorted(checked, key=cmp_to_key(lambda one, other: compare(run, one, other)))
    if not ordered:
        return target
    if not ordered[0]:
        return None
    return _without(run, target, ordered)


def _without(run: Run, target: Value, paths: Sequence[Sequence[Value]]) -> Value:
    """Delete sorted, non-empty paths; iterative, since a path may have thousands of keys."""
    # One frame per container that is being rebuilt: (container, key in its parent, doomed, groups).
    stack: list[_Rebuilt] = [_Rebuilt(target, None, paths, 0)]
    while True:
        top = stack[-1]
        step = top.next_group()
        if step is None:
            done = _without_keys(run, top.container, top.doomed)
            stack.pop()
            if not stack:
                return done
            if done is not top.original:
                parent = stack[-1]
                parent.container = put(run, parent.container, top.key, done)
            continue
        key, deeper = step
        inner = get(run, top.container, key)
        if inner is not None:
            stack.append(_Rebuilt(inner, key, deeper, top.level + 1))


class _Rebuilt:
    """A container from which parts are taken."""

    __slots__ = ("container", "doomed", "groups", "key", "level", "original")

    def __init__(
        self, container: Value, key: Value, paths: Sequence[Sequence[Value]], level: int
    ) -> None:
        self.original = self.container = container
        self.key = key
        self.level = level
        self.doomed: list[Value] = []
        # In order: they are taken from the end, so that positions of earlier ones stay true.
        self.groups = [
            (first, list(group))
            for first, group in groupby(paths, key=lambda path: _Same(path[level]))
        ]

    def next_group(self) -> tuple[Value, Sequence[Sequence[Value]]] | None:
        """Note keys that go as a whole; return the next one from which only parts go."""
        while self.groups:
            same, paths = self.groups.pop()
            if len(paths[0]) == self.level + 1:
                self.doomed.append(same.key)
            else:
                return same.key, paths
        return None


class _Same:
    """A key to group by; equal as jq means it."""

    __slots__ = ("key",)

    def __init__(self, key: Value) -> None:
        self.key = key

    @override
    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Same)
            and type(self.key) is type(other.key)
            and bool(self.key == other.key)
        )

    __hash__ = None  # type: ignore[assignment]


def _without_keys(run: Run, target: Value, keys: Sequence[Value]) -> Value:
    """Delete keys of one container."""
    if not keys or target is None:
        return target
    if type(target) is list or type(target) is dict:
        run.charge(len(target) // (2 if len(keys) > 1 or type(target) is dict else 16))
    if type(target) is dict:
        for key in keys:
            if type(key) is not str:
                raise JqError(f"Cannot delete {kind(key)} field of object")
        gone = set(keys)
        return {key: item for key, item in target.items() if key not in gone}
    if type(target) is list:
        if len(keys) == 1 and type(keys[0]) is int and -len(target) <= keys[0] < len(target):
            at = keys[0] % len(target)
            return target[:at] + target[at + 1 :]
        return _without_positions(run, target, keys)
    raise JqError(f"Cannot delete fields from {kind(target)}")


def _without_positions(run: Run, target: list[Value], keys: Sequence[Value]) -> list[Value]:
    size = len(target)
    gone: set[int] = set()
    for key in keys:
        if type(key) is dict:
            start, end = slice_bounds(size, key)
            run.charge((end - start) // 2)
            gone.update(range(start, end))
        elif is_number(key):
            if key == key:  # noqa: PLR0124 - NaN deletes nothing
                index = to_index(key)
                gone.add(index + size if key < 0 else index)
        else:
            raise JqError(f"Cannot delete {kind(key)} element of array")
    return [item for index, item in enumerate(target) if index not in gone]


def children(target: Value) -> Any:
    """Iterate over the values in a container.

    Raises:
        JqError: When it is none.
    """
    if type(target) is list:
        return target
    if type(target) is dict:
        return target.values()
    raise OperandError("Cannot iterate over {}", target)


def keys_of(target: Value) -> Any:
    """Iterate over the keys of a container, in their own order.

    Raises:
        JqError: When it is none.
    """
    if type(target) is list:
        return range(len(target))
    if type(target) is dict:
        return target
    raise OperandError("Cannot iterate over {}", target)
