"""Collections of garbage are rare, and leave out what lasts as long as the process."""

import subprocess
import sys

CODE = """
import gc
import weakref

from foundation import garbage

lasts = [[] for _ in range(100_000)]
garbage.settle()
assert gc.get_freeze_count() > 100_000, gc.get_freeze_count()
before = gc.get_stats()
more = [[] for _ in range(15_000)]
assert gc.get_stats() == before, "looked for garbage among a few objects"


class Node:
    pass


made, gone = 0, set()
while not gone:
    node = Node()
    node.self = node
    made += 1
    weakref.finalize(node, gone.add, made)
    del node
    assert made < 400_000, "never looked for garbage"
"""


def test_collections_are_rare_and_leave_out_what_lasts() -> None:
    # In a process of its own: it cannot be taken back.
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=60)  # noqa: S603 - our own code
