"""Observations that policies here cannot read, refused in words before anything is played."""

from __future__ import annotations

import math
from typing import Any

from rewardsmith.errors import ConfigError

MOST_NUMBERS = 10_000
"""An observation with more is a picture; policies here read vectors."""


def refuse_observations(env_id: str, space: Any, *, seen: str = "obs", where: str = "") -> None:
    """Check that a Gymnasium `space` is a Box, or a Dict of plain spaces, and what a policy sees of it no picture.

    `seen`: what the policy sees, as in `env.observation`. `where`: the task that asks for the environment.

    Raises: ConfigError: it is not, or nothing is seen.
    """
    from gymnasium import spaces

    asker = f"{where}: " if where else ""
    several = isinstance(space, spaces.Dict)
    parts: dict[str, Any] = dict(space.spaces) if several else {"obs": space}
    plain = (spaces.Box, spaces.MultiDiscrete, spaces.MultiBinary, *([spaces.Discrete] if several else []))
    for name, part in parts.items():
        if not isinstance(part, plain):
            raise ConfigError(
                f"{asker}'{env_id}' has an observation '{name}' that is {short(part)}; expected a Box, or a Dict of "
                "plain spaces. Wrap it, e.g. in FlattenObservation."
            )
    read = [part for name, part in parts.items() if seen in ("obs", f"obs.{name}")]
    numbers = sum(math.prod(part.shape or ()) for part in read)
    if numbers == 0 and (read or not parts):
        raise ConfigError(f"{asker}'{env_id}' observes no numbers at all, so a policy has nothing to read.")
    if numbers > MOST_NUMBERS:
        raise ConfigError(
            f"{asker}'{env_id}' observes {numbers} numbers, so probably a picture; the policies here read at most "
            f"{MOST_NUMBERS}. Choose an environment, or an option of it, that observes its state."
        )


def short(space: Any) -> str:
    """A space in one line of at most 80 characters."""
    text = " ".join(str(space).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
