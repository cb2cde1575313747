"""rewardsmith writes, checks, trains and improves reward functions for MuJoCo tasks with a language model."""

__version__ = "0.1.0"
