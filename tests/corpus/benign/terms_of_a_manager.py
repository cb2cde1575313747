from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from isaaclab.envs import ManagerBasedRLEnv


def reward_track(velocity: torch.Tensor, command: float, std: float) -> torch.Tensor:
    """Reward for the commanded speed."""
    return torch.exp(-torch.square(command - velocity) / std**2)


def reward_action_rate(action: torch.Tensor, prev_action: torch.Tensor) -> torch.Tensor:
    return torch.sum(torch.square(action - prev_action), dim=1)


def total_reward(x_velocity: torch.Tensor, action: torch.Tensor, prev_action: torch.Tensor, dt: float):
    terms = {
        "track": 1.5 * reward_track(x_velocity, 1.0, 0.5) * dt,
        "rate": -0.01 * reward_action_rate(action, prev_action) * dt,
    }
    return torch.sum(torch.stack(list(terms.values())), dim=0), terms
