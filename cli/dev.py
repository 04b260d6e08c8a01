"""`millwright dev`: the whole stack on this machine, until somebody stops it."""

import argparse
import json
import sys
from importlib.metadata import version

from cli.flags import stack_settings
from cli.signals import stop_signals
from deploy.local.first_user import Login
from deploy.local.stack import RunningStack, StackOptions, running_stack

OK, INTERRUPTED = 0, 130


def run(flags: argparse.Namespace) -> int:
    """Start it, say where everything is, and stay."""
    settings = stack_settings(flags)
    options = StackOptions(keep_runs=not flags.in_memory)
    ready = False
    _say(f"Starting Millwright {version('millwright')} in {settings.local.data_dir} ...")
    try:
        with stop_signals(), running_stack(settings, options) as stack:
            ready = True
            print(as_json(stack) if flags.json else table(stack), flush=True)
            stack.watch()
    except KeyboardInterrupt:
        _say("Stopped." if ready else "Stopped before it was ready.")
    return OK if ready else INTERRUPTED


def table(stack: RunningStack) -> str:
    """Tell a person where everything is and what to try."""
    settings, folder = stack.settings, stack.folder
    rows = [
        ("API", f"{stack.api_url}  docs {stack.api_url}/docs"),
        ("Temporal", f"{settings.temporal.address}  Web UI {settings.temporal.ui_url}"),
        ("Database", _database(stack)),
        ("Logs", str(folder.logs)),
        ("Log-in", _login(stack.login)),
    ]
    if stack.excel:
        token = f"bearer token in {folder.excel_token}"
        rows.insert(2, ("Excel MCP", f"{stack.excel.url}  {token}"))
    lines = [f"  {name:<11} {value}" for name, value in rows]
    return "\n".join([*lines, "", *_next_step(stack)])


def as_json(stack: RunningStack) -> str:
    """Tell a program the same, in one line. The password is in the file, not here."""
    settings, folder = stack.settings, stack.folder
    return json.dumps(
        {
            "api": stack.api_url,
            "docs": f"{stack.api_url}/docs",
            "temporal": settings.temporal.address,
            "ui": settings.temporal.ui_url,
            "excel": stack.excel.url if stack.excel else None,
            "excel_token_file": str(folder.excel_token) if stack.excel else None,
            "data_dir": str(folder.root),
            "logs": str(folder.logs),
            "tenant": stack.login.tenant,
            "email": stack.login.email,
            "password_file": str(stack.login.file) if stack.login.password else None,
            "processes": {child.name: child.pid for child in stack.children},
            "seconds": round(stack.seconds, 2),
        }
    )


def _database(stack: RunningStack) -> str:
    embedded = any(child.name == "PostgreSQL" for child in stack.children)
    return f"{stack.folder.postgres}" if embedded else "as MILLWRIGHT_DATABASE_URL says"


def _login(login: Login) -> str:
    who = f"{login.email} in tenant {login.tenant}"
    if login.password is None:
        return f"{who}, with the password from the folder that made this user"
    if login.new:
        return f"{who}, password {login.password}  (shown once; kept in {login.file})"
    return f"{who}, password in {login.file}"


def _next_step(stack: RunningStack) -> list[str]:
    body = f'{{"email": "{stack.login.email}", "password": "\'"$(cat {stack.login.file})"\'"}}'
    return [
        f"Ready in {stack.seconds:.1f} s. Ctrl-C stops everything. In another terminal, log in:",
        "",
        f"  curl -s {stack.api_url}/api/v1/auth/login \\",
        f"    -H 'Content-Type: application/json' -d '{body}'",
    ]


def _say(text: str) -> None:
    print(text, file=sys.stderr)
