"""`millwright instances`: list, show, follow, stop and go on with runs of workflows."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from cli.connection import connected
from cli.failures import MisuseError
from cli.following import OK, Follower, how_to_follow, print_json, print_outcome, say
from cli.given import json_input, named
from cli.listing import print_listing, require_limit
from cli.tables import instance_lines, listing
from millwright_client import Instance, InstanceSummary, Millwright, Page, Resumed

_PAGE = 200
_NONE = "There are none. Start one with: millwright run NAMESPACE/NAME"


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    return _VERBS[flags.verb](flags)


def _list(flags: argparse.Namespace) -> int:
    if flags.active and flags.status:
        raise MisuseError("Either --active or --status: each says which instances are meant.")
    require_limit(flags)
    narrowed = _narrowed(flags)
    with connected(flags) as client:
        return print_listing(
            flags,
            _all(client, flags, narrowed),
            listing,
            none="There are none. Start one with: millwright run NAMESPACE/NAME",
        )


def _narrowed(flags: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if flags.workflow is not None:
        workflow = named(flags.workflow)
        given |= {"namespace": workflow.namespace, "name": workflow.name}
        given["version"] = workflow.version
    if flags.search:
        given["search"] = dict(map(_searched, flags.search))
    if flags.status is not None:
        given["status"] = flags.status.upper()
    return {name: value for name, value in given.items() if value is not None}


def _searched(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise MisuseError(f"'{text}' is nothing to search for. Spell it --search order=4711")
    return name, value


def _all(
    client: Millwright, flags: argparse.Namespace, narrowed: dict[str, Any]
) -> Iterator[InstanceSummary]:
    ask: Callable[..., Page[InstanceSummary]] = (
        client.instances.active if flags.active else client.instances.list
    )
    token: str | None = None
    while True:
        page = ask(**narrowed, page_size=min(flags.limit + 1, _PAGE), page_token=token)
        yield from page.items
        token = page.next_page_token
        if token is None:
            return


def _show(flags: argparse.Namespace) -> int:
    with connected(flags) as client:
        if flags.follow:
            return Follower(client, flags.instance, as_json=flags.json).follow()
        instance = client.instances.get(flags.instance)
    if flags.json:
        print_json(asdict(instance))
        return OK
    print("\n".join(instance_lines(instance)), flush=True)
    print_outcome(instance)
    return OK


def _asked(flags: argparse.Namespace) -> int:
    """Cancel, pause or resume an instance."""
    with connected(flags) as client:
        verbs = {
            "cancel": (client.instances.cancel, "Asked {} to stop."),
            "pause": (client.instances.pause, "{} begins no further task."),
            "resume": (client.instances.resume, "{} goes on."),
        }
        ask, told = verbs[flags.verb]
        summary = ask(flags.instance)
        if getattr(flags, "follow", False):
            say(told.format(flags.instance))
            return Follower(client, flags.instance, as_json=flags.json).follow()
    if flags.json:
        print_json(asdict(summary))
    else:
        print(told.format(flags.instance))
    return OK


def _again(flags: argparse.Namespace) -> int:
    """Let an instance that has ended go on: with the failed task, or with one that is named."""
    changed = {} if flags.input is None else {"input": json_input(flags.input)}
    with connected(flags) as client:
        if flags.verb == "retry":
            resumed = client.instances.retry(flags.instance, preview=flags.preview, **changed)
        else:
            execution = _execution(client.instances.get(flags.instance), flags.task)
            resumed = client.instances.rerun(
                flags.instance,
                execution,
                preview=flags.preview,
                version=flags.version,
                **changed,
            )
        if flags.json:
            print_json(asdict(resumed))
        else:
            _tell(resumed, preview=flags.preview)
        if flags.follow and not flags.preview:
            return Follower(client, flags.instance, as_json=flags.json).follow()
    if not (flags.preview or flags.json):
        say(how_to_follow(flags.instance))
    return OK


def _execution(instance: Instance, task: str) -> str:
    """Find the execution that somebody means: by its path, or by a name that is there once."""
    if task.startswith("/"):
        return task
    found = [run.execution for run in instance.tasks if run.name == task]
    if len(found) == 1:
        return found[0]
    if found:
        choices = "\n".join(f"  {each}" for each in found[:20])
        raise MisuseError(f"'{task}' was executed {len(found)} times. Say which:\n{choices}")
    names = ", ".join(sorted({run.name for run in instance.tasks})[:20])
    raise MisuseError(f"'{instance.id}' executed no task '{task}'. It executed: {names or 'none'}.")


def _tell(resumed: Resumed, *, preview: bool) -> None:
    would = "would begin" if preview else "begins"
    print(f"{resumed.instance.id} {would} again at {resumed.begins_at}")
    if not resumed.repeats:
        print("Nothing that others noticed happens again.")
        return
    print("What others noticed, and will notice again:")
    for each in resumed.repeats:
        print(f"  {each.execution:<40}  {each.kind}")


_VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "cancel": _asked,
    "pause": _asked,
    "resume": _asked,
    "retry": _again,
    "rerun": _again,
}
