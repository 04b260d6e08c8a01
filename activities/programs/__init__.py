"""`run: shell`, `script` and `container`: programs of a definition, in a sandbox."""

from activities.programs.activities import Containers, ProgramActivities
from activities.programs.gate import FeatureGate, Gate
from activities.programs.types import ProgramCall

__all__ = ["Containers", "FeatureGate", "Gate", "ProgramActivities", "ProgramCall"]
