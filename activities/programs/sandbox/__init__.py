"""Running programs that nobody trusts: the seam, its implementation, and the proof that it holds.

Knows nothing of Temporal. There is no implementation without isolation, and no setting for one.
"""

from activities.programs.sandbox.bubblewrap import Bubblewrap
from activities.programs.sandbox.errors import SandboxRefusedError
from activities.programs.sandbox.probe import proven
from activities.programs.sandbox.refusing import Refusing
from activities.programs.sandbox.types import Finished, Language, Limits, Program, Sandbox

__all__ = [
    "Bubblewrap",
    "Finished",
    "Language",
    "Limits",
    "Program",
    "Refusing",
    "Sandbox",
    "SandboxRefusedError",
    "proven",
]
