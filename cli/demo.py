"""`millwright demo`: start the stack, run a factory workflow over REST, say what happened, stop.

Everything is done as a user would do it, through `millwright_client`; nothing here reaches into the
product.
"""

import argparse
import json
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cli.flags import stack_settings
from cli.signals import stop_signals
from deploy.local.stack import RunningStack, StackOptions, running_stack
from foundation.errors import NotFoundError
from millwright_client import (
    Ended,
    Instance,
    Millwright,
    MillwrightApiError,
    TaskEvent,
    TaskRun,
)

OK, FAILED, INTERRUPTED = 0, 1, 130
EXAMPLES: Final = Path(__file__).parent.parent / "examples"
DEFINITION: Final = EXAMPLES / "press-line-defect-watch.yaml"
WORKBOOK: Final = EXAMPLES / "press-line.xlsx"
SERVER: Final = "excel"
RUN_S: Final = 60.0
_CONFLICT: Final = 409


@dataclass(frozen=True)
class Story:
    """What the demo did, for programs."""

    stack_seconds: float
    instance: dict[str, Any]
    docs: str
    web_ui: str
    workbook: str


def run(flags: argparse.Namespace) -> int:
    """Run the demo; 0 when the workflow completed."""
    _require_examples()
    say = _quiet if flags.json else _say
    say("Millwright demo: a factory workflow, from REST through Temporal to an Excel sheet\n")
    say("  Starting PostgreSQL, Temporal, an MCP server, the API and a worker ...")
    try:
        with stop_signals(), running_stack(stack_settings(flags), StackOptions()) as stack:
            say(f"  Ready in {stack.seconds:.1f} s.\n")
            story, completed = _tell(stack, say)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    if flags.json:
        print(json.dumps(asdict(story), default=str))
    else:
        print(_ending(story))
    return OK if completed else FAILED


def _tell(stack: RunningStack, say: Any) -> tuple[Story, bool]:
    login = stack.login
    workbook = Path(shutil.copy(WORKBOOK, stack.folder.workbooks / WORKBOOK.name))
    with Millwright.login(
        stack.api_url, login.email, login.password or "", tenant=login.tenant
    ) as client:
        say(_line(1, "logged in", f"{login.email}, tenant {login.tenant}"))
        tools = _register(client, stack)
        say(_line(2, "registered MCP server", f"{SERVER}, {tools} tools"))
        published = client.workflows.publish(DEFINITION.read_text(encoding="utf-8"))
        name = f"{published.namespace}/{published.name} {published.version}"
        say(_line(3, "published workflow", name))
        started = client.workflows.start(
            published.namespace, published.name, input={"workbook": workbook.name}
        )
        say(_line(4, "started instance", started.id))
        _follow(client, started.id, say)
        instance = client.wait(started.id, timeout=RUN_S)
    say(_line(5, instance.status, f"after {_seconds(instance):.2f} s"))
    say(_result(instance))
    say(f"\n  The finding is in {_shown(workbook)}, sheet Findings.")
    story = Story(
        stack_seconds=round(stack.seconds, 2),
        instance=asdict(instance),
        docs=f"{stack.api_url}/docs",
        web_ui=instance.web_ui,
        workbook=str(workbook),
    )
    return story, instance.status == "COMPLETED"


def _register(client: Millwright, stack: RunningStack) -> int:
    """Register the Excel server, or bring the registration of an earlier demo up to date."""
    if stack.excel is None:
        raise AssertionError("the demo's stack has an Excel server")
    url, token = stack.excel.url, stack.excel.token
    try:
        return client.mcp.register_server(SERVER, url, token=token).tool_count
    except MillwrightApiError as error:
        if error.status != _CONFLICT:
            raise
    client.mcp.update_server(SERVER, url=url, credential={"kind": "bearer", "token": token})
    return client.mcp.refresh_server(SERVER).tool_count


def _follow(client: Millwright, instance: str, say: Any) -> None:
    """Print each task as it ends, from the stream of events."""
    began: dict[tuple[str, str], TaskEvent] = {}
    for event in client.events(instance):
        if isinstance(event, Ended):
            return
        key = (event.reference, event.iteration)
        if event.state == "running":
            began[key] = event
            continue
        since = began.get(key, event).time
        took = (event.time - since).total_seconds()
        clock = event.time.astimezone().strftime("%H:%M:%S.%f")[:-3]
        say(f"       {clock}  {event.name:<14} {event.kind:<14} {event.state:<10} {took:6.3f} s")


def _result(instance: Instance) -> str:
    what = instance.output if instance.status == "COMPLETED" else instance.error
    text = json.dumps(what, indent=2, ensure_ascii=False)
    return "\n" + "\n".join(f"     {line}" for line in text.splitlines())


def _ending(story: Story) -> str:
    return "\n".join(
        [
            "",
            f"  API docs   {story.docs}",
            f"  This run   {story.web_ui}",
            "",
            "  The stack is stopped again. `make dev` starts it and stays up; the run is kept, and",
            "  both addresses answer then.",
        ]
    )


def _seconds(instance: Instance) -> float:
    runs: list[TaskRun] = instance.tasks
    times = [task.ended_at for task in runs if task.ended_at]
    if not times or instance.started_at is None:
        return 0.0
    return (max(times) - instance.started_at).total_seconds()


def _line(number: int, what: str, detail: str) -> str:
    return f"  {number}  {what:<24} {detail}"


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _require_examples() -> None:
    for path in (DEFINITION, WORKBOOK):
        if not path.is_file():
            raise NotFoundError(
                f"The demo needs {path.name} from the folder 'examples' of the repository, and "
                f"{path} is not there. Run it from a clone."
            )


def _say(text: str) -> None:
    print(text, flush=True)


def _quiet(_text: str) -> None:
    """Say nothing: a program reads the result."""
