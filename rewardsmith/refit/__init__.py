"""Operators on reward code that ask no model: its numbers fitted to known episodes, and a component taken out.

`refit` changes literal numbers and nothing else, `without` removes what belongs to one component. What comes out is a
draft like any other and goes through the same gates; training and judging it is the caller's business.
"""

from rewardsmith.refit.ablate import Stuck, without
from rewardsmith.refit.fitting import Agreement, Change, Kept, Refitted, refit

__all__ = ["Agreement", "Change", "Kept", "Refitted", "Stuck", "refit", "without"]
