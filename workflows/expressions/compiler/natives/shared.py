"""What builtins make of a call that says nothing else."""

from typing import Final

from workflows.expressions.syntax import nodes as n

HERE: Final = n.Identity(0, 0)


def items_of(node: n.Call) -> n.Node:
    """`.[]`, for builtins that go over the items of their input unless told otherwise."""
    return n.Iterate(node.start, node.end, HERE)
