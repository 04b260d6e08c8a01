"""Which worker may execute a run: one that has the engine with which it began."""

from activities.definitions.types import Engine
from workflows.expressions import UnknownVersionError, Version, version_named
from workflows.interpreter.types import ENGINE


class WrongEngineError(Exception):
    """This worker cannot execute definitions in the way that the run began with."""


def required_version(engine: Engine | None) -> Version:
    """Return what expressions mean to a run, or leave it to a worker that has its engine.

    Raises:
        WrongEngineError: Fails the workflow task, not the run: another worker takes it.
    """
    if engine is None or engine.interpreter != ENGINE.interpreter:
        raise WrongEngineError(_not_here(engine))
    return known_version(engine)


def known_version(engine: Engine | None) -> Version:
    """Return what expressions mean to a run, whichever interpreter it began with.

    Raises:
        WrongEngineError: When this worker does not know it.
    """
    try:
        return version_named(engine.expressions if engine else "")
    except UnknownVersionError as error:
        raise WrongEngineError(f"{_not_here(engine)} {error}") from None


def _not_here(engine: Engine | None) -> str:
    return f"This worker has {ENGINE}; the run was started with {engine}."
