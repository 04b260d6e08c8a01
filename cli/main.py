"""The command `millwright`: reads the command line, and hands over to one module for each command.

Whatever is slow to import is imported by the command that needs it: `--help` answers at once.
Results go to standard output, everything else to standard error; the exit status is the outcome.
"""

import argparse
import difflib
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import NoReturn

from typing_extensions import override

from cli.approval_flags import describe_approvals
from cli.function_flags import describe_functions
from cli.instance_flags import describe_instances, describe_run
from cli.mcp_flags import describe_mcp
from cli.program_flags import describe_egress, describe_features, describe_images

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
MAX_PROCESSES = 256


class Parser(argparse.ArgumentParser):
    """A parser whose complaints fit in two lines."""

    @override
    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to look, in one line each."""
        print(f"{self.prog}: {message}", file=sys.stderr)
        print(f"Try: {self.prog} --help", file=sys.stderr)
        raise SystemExit(USAGE)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    parser, commands = build_parser()
    if given and not given[0].startswith("-") and given[0] not in commands:
        return _unknown(given[0], commands)
    parsed = parser.parse_args(given)
    if parsed.command is None:
        parser.print_help()
        return OK
    return _guarded(lambda: int(getattr(import_module(parsed.module), parsed.function)(parsed)))


def build_parser() -> tuple[Parser, list[str]]:
    """Describe all commands; also return their names."""
    parser = Parser(prog="millwright", description="Durable workflows for the factory floor.")
    parser.add_argument(
        "--version", action="version", version=f"Millwright {version('millwright')}"
    )
    parser.set_defaults(function="run")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _dev(commands.add_parser("dev", help="start the whole stack on this machine and stay up"))
    if find_spec("cli.demo"):
        _demo(commands.add_parser("demo", help="start the stack, run a workflow on it, and stop"))
    describe_run(commands.add_parser("run", help="start a workflow and show what it does"))
    describe_instances(
        commands.add_parser("instances", help="list, show, stop and go on with runs of workflows")
    )
    describe_approvals(
        commands.add_parser("approvals", help="list what waits for people, and decide it")
    )
    describe_functions(
        commands.add_parser("functions", help="share tasks among the workflows of the tenant")
    )
    _secrets(commands.add_parser("secrets", help="store what definitions log in with elsewhere"))
    _breakers(commands.add_parser("breakers", help="look at and decide about MCP servers"))
    describe_mcp(commands.add_parser("mcp", help="look at MCP servers and calls of their tools"))
    describe_features(commands.add_parser("features", help="enable what is off for the tenant"))
    describe_egress(commands.add_parser("egress", help="say which hosts requests may go to"))
    _worker(commands.add_parser("worker", help="start worker processes"))
    describe_images(commands.add_parser("images", help="add what containers are made of"))
    _blobs(commands.add_parser("blobs", help="look after large payloads"))
    _events(commands.add_parser("events", help="look after events that the broker does not take"))
    _migrate(commands.add_parser("migrate", help="bring the database schema up to date"))
    _doctor(commands.add_parser("doctor", help="check this machine and say how to fix it"))
    _validate(commands.add_parser("validate", help="check definitions"))
    _graph(commands.add_parser("graph", help="draw a definition as a Mermaid flowchart"))
    _version(commands.add_parser("version", help="show versions"))
    return parser, list(commands.choices)


def _dev(parser: argparse.ArgumentParser) -> None:
    parser.description = "Start PostgreSQL, Temporal, an MCP server, the API and a worker."
    _stack_flags(parser)
    parser.add_argument(
        "--in-memory",
        action="store_true",
        help="forget Temporal's runs at the end; about three times as fast",
    )
    parser.set_defaults(module="cli.dev")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.description = "Start the stack, run the example workflow on it, and stop."
    _stack_flags(parser)
    parser.set_defaults(module="cli.demo")


def _secrets(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Secrets of the tenant. Values go in and never come out. The API is found and logged in to "
        "by MILLWRIGHT_CLIENT_URL, _EMAIL and _PASSWORD (or _TOKEN); without them it is that of "
        "'millwright dev'."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    storing = verbs.add_parser("set", help="store a secret, or replace its value")
    storing.add_argument("name", metavar="NAME")
    # Taken, to be refused without repeating it.
    storing.add_argument("value", nargs="*", help=argparse.SUPPRESS)
    storing.add_argument(
        "--from-file", metavar="FILE", help="read the value here instead of on standard input"
    )
    storing.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="json: an object whose members expressions can read; default text",
    )
    deleting = verbs.add_parser("delete", help="delete a secret")
    deleting.add_argument("name", metavar="NAME")
    for verb in (storing, verbs.add_parser("list", help="list names and versions"), deleting):
        verb.add_argument("--url", metavar="URL", help="where the API is")
        _json_flag(verb)
    parser.set_defaults(module="cli.secrets")


def _breakers(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What keeps MCP servers from being called when that is of no use. The API is found and "
        "logged in to as with 'millwright secrets'."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    deciding = [
        verbs.add_parser("open", help="let no call out"),
        verbs.add_parser("close", help="let every call out, and count them"),
        verbs.add_parser("disable", help="let every call out, and count nothing"),
        verbs.add_parser("auto", help="let the breaker decide again; it begins anew"),
    ]
    for verb in deciding:
        verb.add_argument("--reason", metavar="TEXT", help="for whoever wonders later")
    for verb in (verbs.add_parser("show", help="show what it has found out"), *deciding):
        verb.add_argument("server", metavar="SERVER", help="as it is registered: excel")
        verb.add_argument("--url", metavar="URL", help="where the API is")
        _json_flag(verb)
    parser.set_defaults(module="cli.breakers")


def _worker(parser: argparse.ArgumentParser) -> None:
    parser.description = "Start worker processes with the settings of the environment."
    parser.add_argument(
        "--processes",
        type=_processes,
        default=1,
        metavar="N",
        help="how many, kept running; 'auto': one for each processor; default 1",
    )
    parser.add_argument(
        "--programs",
        action="store_true",
        help="run programs (run: shell, run: script) in the sandbox, and nothing else",
    )
    parser.set_defaults(module="cli.worker")


def _processes(text: str) -> int:
    """Read a number of processes; 0 for one on each processor."""
    if text == "auto":
        return 0
    if not text.isdecimal() or not 0 < int(text) <= MAX_PROCESSES:
        raise argparse.ArgumentTypeError(f"'{text}' is not 'auto' or 1 to {MAX_PROCESSES}")
    return int(text)


def _blobs(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Large payloads are kept in a store of their own, which MILLWRIGHT_BLOBS_* names."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _json_flag(verbs.add_parser("sweep", help="delete what no run needs any more"))
    parser.set_defaults(module="cli.blobs")


def _events(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Events that the broker named by MILLWRIGHT_MQTT_HOST did not take are set aside after ten "
        "tries. MILLWRIGHT_DATABASE_URL names where they are."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _json_flag(verbs.add_parser("list", help="show what was set aside, and why"))
    _json_flag(verbs.add_parser("again", help="send all of it anew"))
    parser.set_defaults(module="cli.events")


def _migrate(parser: argparse.ArgumentParser) -> None:
    parser.description = "Bring the database that MILLWRIGHT_DATABASE_URL names up to date."
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when it is not up to date"
    )
    _json_flag(parser)
    parser.set_defaults(module="cli.migrate")


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.description = "Check this machine. Changes nothing; fails when a check fails."
    _stack_flags(parser)
    parser.set_defaults(module="cli.doctor")


def _validate(parser: argparse.ArgumentParser) -> None:
    parser.description = "Check definitions. Fails when one of them could not be published."
    parser.add_argument("files", nargs="+", metavar="FILE", help="YAML or JSON; - reads the input")
    _json_flag(parser)
    parser.set_defaults(module="cli.definitions", function="check")


def _graph(parser: argparse.ArgumentParser) -> None:
    parser.description = "Draw a definition: a Mermaid flowchart on standard output."
    parser.add_argument("file", metavar="FILE", help="YAML or JSON; - reads the input")
    _json_flag(parser)
    parser.set_defaults(module="cli.definitions", function="graph")


def _version(parser: argparse.ArgumentParser) -> None:
    _json_flag(parser)
    parser.set_defaults(module="cli.version")


def _stack_flags(parser: argparse.ArgumentParser) -> None:
    for name, default in (("api", 8080), ("temporal", 7233), ("ui", 8233), ("excel", 9108)):
        text = f"default {default}, or a setting of the environment"
        parser.add_argument(f"--{name}-port", type=int, metavar="PORT", help=text)
    parser.add_argument(
        "--data-dir", metavar="FOLDER", help="where everything is kept (default .millwright)"
    )
    _json_flag(parser)


def _json_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for machines")


def _unknown(name: str, commands: list[str]) -> int:
    close = difflib.get_close_matches(name, commands, n=1)
    guess = f" Did you mean '{close[0]}'?" if close else f" There are: {', '.join(commands)}."
    print(f"millwright: there is no command '{name}'.{guess}", file=sys.stderr)
    return USAGE


def _guarded(command: Callable[[], int]) -> int:
    """Run a command; what we expect to go wrong is a message, everything else a bug report."""
    from cli.failures import MisuseError, explained  # noqa: PLC0415 - imports pydantic

    try:
        return command()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        message = explained(error)
        if message is None:
            raise
        print(message, file=sys.stderr)
        return USAGE if isinstance(error, MisuseError) else FAILED


if __name__ == "__main__":
    raise SystemExit(main())
