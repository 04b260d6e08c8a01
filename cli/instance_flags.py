"""Flags of `millwright run` and `millwright instances`. What they do is in modules of that name."""

import argparse

# Both commands name instances, workflows and inputs in the same way.
INPUT_HELP = "JSON, or a file with JSON; - reads standard input"
_STATUSES = (
    "running",
    "waiting",
    "paused",
    "compensating",
    "compensated",
    "completed",
    "failed",
    "cancelled",
    "terminated",
    "timed_out",
)


def describe_run(parser: argparse.ArgumentParser) -> None:
    """Describe `millwright run`."""
    parser.description = (
        "Start a workflow and show what it does until it ends. Its output goes to standard output, "
        "everything else to standard error. Exit status: 0 completed, 1 failed, 2 wrong usage, "
        "3 cancelled or terminated, 4 timed out, 130 left by Ctrl-C (the instance goes on)."
    )
    parser.add_argument(
        "workflow",
        metavar="WORKFLOW",
        help="namespace/name or namespace/name@version of a published one; or a file, which is "
        "published first (- reads standard input)",
    )
    parser.add_argument("--input", metavar="INPUT", help=INPUT_HELP)
    parser.add_argument(
        "--key", metavar="KEY", help="idempotency key: the same key gives the same instance"
    )
    parser.add_argument(
        "--detach", action="store_true", help="start it, print its id, and do not wait"
    )
    connection_flags(parser)
    parser.set_defaults(module="cli.run")


def describe_instances(parser: argparse.ArgumentParser) -> None:
    """Describe `millwright instances`."""
    parser.description = "Runs of workflows: list, look at, follow, stop, let go on."
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _list(verbs.add_parser("list", help="list instances, newest first"))
    show = verbs.add_parser("show", help="show one instance and its tasks")
    _follow_flag(show)
    cancel = verbs.add_parser("cancel", help="ask an instance to stop; it may clean up")
    _follow_flag(cancel)
    pause = verbs.add_parser("pause", help="let an instance begin no further task")
    resume = verbs.add_parser("resume", help="let a paused instance go on")
    _follow_flag(resume)
    retry = verbs.add_parser("retry", help="let a failed instance go on with the task that failed")
    rerun = verbs.add_parser("rerun", help="let an ended instance go on with one of its tasks")
    for verb in (show, cancel, pause, resume, retry, rerun):
        verb.add_argument("instance", metavar="INSTANCE", help="its id, as 'list' shows it")
        connection_flags(verb)
    rerun.add_argument(
        "task", metavar="TASK", help="name of the task, or which execution: as 'show' tells them"
    )
    rerun.add_argument(
        "--version", metavar="VERSION", help="go on with another version of the workflow"
    )
    for verb in (retry, rerun):
        verb.add_argument(
            "--input", metavar="INPUT", help=f"instead of the task's input: {INPUT_HELP}"
        )
        verb.add_argument(
            "--preview", action="store_true", help="only tell what would happen again"
        )
        _follow_flag(verb)
    parser.set_defaults(module="cli.instances")


def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", choices=_STATUSES, metavar="STATUS", help=", ".join(_STATUSES))
    parser.add_argument("--active", action="store_true", help="only those that have not ended")
    parser.add_argument(
        "--workflow", metavar="WORKFLOW", help="namespace, namespace/name or namespace/name@version"
    )
    parser.add_argument(
        "--search",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a search attribute of the definition; repeat it for several",
    )
    parser.add_argument(
        "--limit", type=int, default=50, metavar="N", help="how many at most; default 50"
    )
    connection_flags(parser)


def _follow_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--follow",
        action="store_true",
        help="show what it does until it ends; the exit status is that of 'millwright run'",
    )


def connection_flags(parser: argparse.ArgumentParser) -> None:
    """Describe how the API is found, and that machines can read the answer."""
    parser.add_argument("--url", metavar="URL", help="where the API is")
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
