"""Compiled definitions are shared by all workflow threads of a worker."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from foundation.json import JsonObject, digest
from workflows.events import ledger
from workflows.expressions.versions import CURRENT
from workflows.interpreter import compiler

THREADS = 16


@pytest.fixture(autouse=True)
def hasty() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work: Callable[[int], Any], different: int) -> None:
    """Do the same in many threads, and raise what any of them raises."""
    with ThreadPoolExecutor(THREADS) as pool:
        for each in [pool.submit(work, n % different) for n in range(20 * different)]:
            each.result()


def test_many_threads_take_add_and_drop_definitions_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There are more of them than are kept."""
    monkeypatch.setattr(compiler, "_compile", lambda document, *_: document)
    documents: list[JsonObject] = [{"n": n} for n in range(600)]
    hashes = [digest(each) for each in documents]

    def take(n: int) -> None:
        found: object = compiler.plan_of(documents[n], hashes[n], CURRENT)
        assert found == documents[n]

    at_once(take, len(documents))


def test_many_threads_take_add_and_drop_shapes_of_events_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger, "Shape", dict)

    def take(n: int) -> None:
        found: Any = ledger._shape_named(f"digest {n}", f'{{"n": {n}}}')
        assert found == {"n": n}

    at_once(take, 4_500)
