"""Who tells what it does and listens to what others tell: such instances would wake each other."""

from collections.abc import Iterator

from workflows.definition.checks.subject import Subject
from workflows.definition.findings import Code, Problem
from workflows.definition.lifecycle import asks_for_lifecycle
from workflows.definition.models import EventFilter


def check_lifecycle(subject: Subject) -> Iterator[Problem]:
    """Refuse who does both: each event would be a reason for the next ones, for ever."""
    level = subject.definition.document.millwright.lifecycle_events
    if level == "none":
        return
    message = (
        "This listens to what instances tell of themselves, and instances of this definition tell "
        f"it, too (lifecycleEvents: {level}): they would wake each other for ever. Let another "
        "definition listen, or tell nothing here."
    )
    for field in subject.fields:
        owner = field.owner
        if not isinstance(owner, EventFilter) or field.name != "with_":
            continue
        if asks_for_lifecycle(owner.with_):
            yield Problem(Code.ENDLESS_LOOP, field.path, message)
