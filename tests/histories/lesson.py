"""What to say when commands have changed."""

from difflib import unified_diff

from tests.histories.recordings import Recording

LESSON = """
The commands of instances that run already have changed: the next worker would fail on them with a
nondeterminism error. Either

- gate the change: `if workflow.patched("<what changed>"): <new> else: <old>`, or
- raise ENGINE in workflows/interpreter/types.py (instances that run wait for a worker of their
  engine), and record again: python -m tests.histories.record

Where no instance with these commands can exist yet, because the feature was never released:
python -m tests.histories.record --force
"""


def changed_commands(recorded: Recording, fresh: Recording) -> list[str]:
    """Return the difference of two lists of commands, and of how they ended."""
    before, after = recorded.commands, fresh.commands
    return list(unified_diff(before, after, f"{recorded.name} as recorded", "now", lineterm=""))


def lesson(changed: list[str]) -> str:
    return f"{LESSON}\n" + "\n".join(changed)
