"""What somebody outside keeps for a task that takes things as they come: events, messages."""

from abc import ABC, abstractmethod
from typing import Self

from workflows.interpreter.control import Leaving


class Lasting(ABC):
    """It is closed when the task is over, and stays when the task goes on elsewhere."""

    @abstractmethod
    async def close(self) -> None:
        """Let it be forgotten. That must not fail the task."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # The next run goes on with it, or another worker.
        if kind is None or not issubclass(kind, Leaving | GeneratorExit):
            await self.close()
