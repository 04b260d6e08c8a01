"""`python -m bench`: measure, print tables, keep the results."""

import sys

from bench import interpreter, rest, toolhub
from bench.report import Figure, save, show
from bench.system import system
from millwright_client import Millwright


def main() -> int:
    """Run all measurements; 1 when a bound is missed."""
    kept = [_keep("interpreter", "Interpreter", *interpreter.measure())]
    with system() as bench:
        login = bench.stack.login
        with Millwright.login(
            bench.stack.api_url, login.email, login.password or "", tenant=login.tenant
        ) as client:
            kept.append(_keep("toolhub", "ToolHub", *toolhub.measure(bench, client)))
            kept.append(_keep("rest", "REST", *rest.measure(bench, client)))
    return 0 if all(kept) else 1


def _keep(name: str, title: str, figures: list[Figure], how: dict[str, object]) -> bool:
    show(title, figures)
    print(f"  -> {save(name, figures, how)}", flush=True)
    return all(figure.kept is not False for figure in figures)


if __name__ == "__main__":
    sys.exit(main())
