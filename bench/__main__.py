"""`python -m bench [NAME ...]`: measure, print tables, keep the results.

Without a name all but what compares with other products, which is installed for that.
"""

import sys
from collections.abc import Callable, Collection, Iterator
from typing import Final, TypeAlias

from bench import (
    breaker,
    conditions,
    contextforge,
    expressions,
    interpreter,
    local_calls,
    publish,
    rest,
    thousand,
    toolhub,
)
from bench.report import Figure, save, show
from bench.system import Bench, system
from millwright_client import Millwright

Measured: TypeAlias = tuple[list[Figure], dict[str, object]]

ALONE: Final[dict[str, tuple[str, Callable[[], Measured]]]] = {
    "breaker": ("Breaker", breaker.measure),
    "expressions": ("Expressions", expressions.measure),
    "interpreter": ("Interpreter", interpreter.measure),
    "conditions": ("Conditions", conditions.measure),
    "local": ("Local calls", local_calls.measure),
    "thousand": ("A thousand calls", thousand.measure),
}
# These need the whole product running.
ON_A_SYSTEM: Final[dict[str, tuple[str, Callable[[Bench, Millwright], Measured]]]] = {
    "toolhub": ("ToolHub", toolhub.measure),
    "rest": ("REST", rest.measure),
    "publish": ("Publishing", publish.measure),
}
# Only by name: it installs what others have made.
ON_REQUEST: Final = {"contextforge": ("Beside ContextForge", contextforge.measure)}


def main(names: Collection[str]) -> int:
    """Run measurements; 1 when a bound is missed, 2 when there is no such measurement."""
    known = [*ALONE, *ON_A_SYSTEM, *ON_REQUEST]
    if unknown := set(names).difference(known):
        print(f"There is no bench called {', '.join(unknown)}. There are: {', '.join(known)}.")
        return 2
    return 0 if all(list(_run(names or [*ALONE, *ON_A_SYSTEM]))) else 1


def _run(names: Collection[str]) -> Iterator[bool]:
    for name, (title, measure) in ALONE.items():
        if name in names:
            yield _keep(name, title, *measure())
    on_a_system = ON_A_SYSTEM | ON_REQUEST
    if on_a_system.keys().isdisjoint(names):
        return
    with system() as bench:
        login = bench.stack.login
        with Millwright.login(
            bench.stack.api_url, login.email, login.password or "", tenant=login.tenant
        ) as client:
            for name, (title, measure_on) in on_a_system.items():
                if name in names:
                    yield _keep(name, title, *measure_on(bench, client))


def _keep(name: str, title: str, figures: list[Figure], how: dict[str, object]) -> bool:
    show(title, figures)
    print(f"  -> {save(name, figures, how)}", flush=True)
    return all(figure.kept is not False for figure in figures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
