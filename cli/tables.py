"""Instances, their tasks and approvals as columns and trees, for people."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.following import clock, title
from millwright_client import Approval, Instance, InstanceSummary, TaskRun

DATE = "%Y-%m-%d %H:%M:%S"
_SIGNS = {"running": ">", "completed": "+", "faulted": "!", "cancelled": "x", "skipped": "-"}


def listing(instances: Sequence[InstanceSummary]) -> Iterator[str]:
    """Spell a listing of instances, one a line."""
    rows = [("STATUS", "STARTED", "VERSION", "INSTANCE")]
    rows += [
        (each.status, clock(each.started_at, DATE), each.version or "", each.id)
        for each in instances
    ]
    return columns(rows)


def instance_lines(instance: Instance) -> Iterator[str]:
    """Spell one instance: what it is, what it waits for, and its tasks as a tree."""
    ended = f", ended {clock(instance.ended_at, DATE)}" if instance.ended_at else ""
    yield f"{instance.id}  {instance.status}"
    yield f"version {instance.version}, started {clock(instance.started_at, DATE)}{ended}"
    yield instance.web_ui
    for waiting in instance.waiting_for:
        until = f", until {waiting['until']}" if waiting.get("until") else ""
        yield f"waits for {_kind(waiting)} at {waiting.get('execution')}{until}"
    if instance.compensation:
        yield from _compensation(instance)
    if instance.events_dropped:
        yield f"The oldest {instance.events_dropped} events of its tasks are no longer kept."
    if instance.timeline_source == "history":
        yield "No worker answers: only its calls are known."
    if instance.tasks:
        yield ""
        yield from tree(instance.tasks)


def _kind(waiting: Mapping[str, Any]) -> str:
    """Say what is waited for, and of a retry which one and why."""
    kind = str(waiting.get("kind"))
    if "attempt" not in waiting:
        return kind
    error = waiting.get("error") or {}
    why = f" ({error['title']})" if error.get("title") else ""
    return f"{kind}, attempt {waiting['attempt']}{why}"


def tree(tasks: Sequence[TaskRun]) -> Iterator[str]:
    """Spell tasks below those that they are in."""
    executions = {each.execution for each in tasks}
    return columns(
        [
            (
                "  " * _depth(each.execution, executions)
                + f"{_SIGNS.get(each.state, ' ')} {_label(each)}",
                each.kind,
                each.state,
                clock(each.started_at),
                _seconds(each),
                _remark(each),
            )
            for each in tasks
        ]
    )


def approval_listing(approvals: Sequence[Approval]) -> Iterator[str]:
    """Spell a listing of approvals, one a line."""
    rows = [("STATUS", "OPENED", "UNTIL", "MINE", "APPROVAL", "TITLE")]
    rows += [
        (
            each.status,
            clock(each.opened_at, DATE),
            clock(each.due_at, DATE) if each.due_at else "",
            "yes" if each.mine else "",
            each.id,
            _plain(each.title),
        )
        for each in approvals
    ]
    return columns(rows)


def approval_lines(approval: Approval) -> Iterator[str]:
    """Spell one approval: what is to be approved, by whom, and who has said what."""
    yield f"{_plain(approval.title)}  {approval.status}"
    if approval.description:
        yield _plain(approval.description)
    until = f", until {clock(approval.due_at, DATE)}" if approval.due_at else ""
    yield f"opened {clock(approval.opened_at, DATE)}{until}"
    yield f"instance {approval.instance_id}, at {approval.execution}"
    asked = [*approval.users, *(f"role {each}" for each in approval.roles)]
    yield f"asked: {', '.join(map(_plain, asked))}; {approval.quorum} have to approve"
    yield f"data {approval.data_hash}:"
    yield from _json(approval.data)
    if approval.form is not None:
        yield "form:"
        yield from _json(approval.form)
    for vote in approval.votes:
        said = "approved" if vote.approves else "rejected"
        doubt = "" if vote.moment_verified else " (time and roles not signed)"
        doubt = doubt if vote.verified else " (NOT VERIFIED)"
        comment = f": {_plain(vote.comment)}" if vote.comment else ""
        yield f"{clock(vote.at, DATE)}  {_plain(vote.by)} {said}{doubt}{comment}"


def _json(value: object) -> Iterator[str]:
    # Escaped: nothing in it can hide, run backwards or clear the terminal.
    for line in json.dumps(value, indent=2).splitlines():
        yield f"  {line}"


def _plain(text: str) -> str:
    """Show what a terminal would obey instead of showing it."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Let the cells of each column begin below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _depth(execution: str, executions: set[str]) -> int:
    """Count the executions around one: `/do/1/loop#3/do/0/read` is in `/do/1/loop`."""
    ends = [at for at, sign in enumerate(execution) if sign in "/#!*" and at]
    return sum(execution[:at] in executions for at in ends)


def _label(task: TaskRun) -> str:
    """Name a task, and which of its executions it is."""
    tail = task.execution.rpartition("/")[2]
    return f"{task.name}{tail[len(task.name) :]}" if tail.startswith(task.name) else task.name


def _seconds(task: TaskRun) -> str:
    if task.started_at is None or task.ended_at is None:
        return ""
    return f"{(task.ended_at - task.started_at).total_seconds():.3f} s"


def _remark(task: TaskRun) -> str:
    parts = []
    if task.attempts is not None and task.attempts > 1:
        parts.append(f"{task.attempts} attempts")
    if task.degraded:
        parts.append(f"degraded: {(task.fallback or {}).get('kind')}")
    if task.child is not None:
        parts.append(f"instance {task.child}")
    if task.error is not None:
        parts.append(title(task.error))
    return ", ".join(parts)


def _compensation(instance: Instance) -> Iterator[str]:
    told = instance.compensation or {}
    for execution in told.get("undone", []):
        yield f"undone: {execution}"
    for each in told.get("failed", []):
        where = each.get("execution") or each.get("task")
        yield f"could not be undone: {where}: {title(each.get('error'))}"
