"""What stands in where there is no isolation: it runs nothing and says why."""

from dataclasses import dataclass

from typing_extensions import override

from activities.programs.sandbox.errors import SandboxRefusedError
from activities.programs.sandbox.types import (
    Container,
    Finished,
    Limits,
    Program,
    Sandbox,
)


@dataclass(frozen=True)
class Refusing(Sandbox):
    """A sandbox that takes nothing.

    Attributes:
        what: What it would have taken.
    """

    reason: str
    what: str = "programs"

    @override
    async def run(self, program: Program | Container, limits: Limits) -> Finished:
        raise SandboxRefusedError(
            f"This worker runs no {self.what}, since its machine does not isolate them: "
            f"{self.reason}"
        )
