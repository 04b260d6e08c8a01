"""`run: shell` and `run: script`: programs of a definition, in a sandbox."""

from activities.programs.activities import ProgramActivities
from activities.programs.gate import FeatureGate, Gate
from activities.programs.types import ProgramCall

__all__ = ["FeatureGate", "Gate", "ProgramActivities", "ProgramCall"]
