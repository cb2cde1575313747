# Written by a language model in answer to the first prompt for go1_velocity.

import torch


def compute_reward(
    command: torch.Tensor,  # (num_envs, 3)
    velocity: torch.Tensor,  # (num_envs, 3)
    turning_rates: torch.Tensor,  # (num_envs, 3)
    body_height: torch.Tensor,  # (num_envs,)
    gravity_direction: torch.Tensor,  # (num_envs, 3)
    action: torch.Tensor,  # (num_envs, 12)
    prev_action: torch.Tensor,  # (num_envs, 12)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    speed_temperature = 0.2  # m/s
    turn_temperature = 0.2  # rad/s

    speed_error = torch.linalg.norm(velocity[:, :2] - command[:, :2], dim=-1)
    turn_error = torch.abs(turning_rates[:, 2] - command[:, 2])
    speed_kept = torch.exp(-torch.clamp(speed_error, max=10.0) / speed_temperature)
    turn_kept = torch.exp(-torch.clamp(turn_error, max=10.0) / turn_temperature)

    fallen = (body_height < 0.13) | (gravity_direction[:, 2] > -0.3)

    components = {
        "both": 1.0 * speed_kept * turn_kept,
        "each": 0.5 * (speed_kept + turn_kept),
        "fall": torch.where(fallen, -2.0 * torch.ones_like(speed_kept), torch.zeros_like(speed_kept)),
        "smooth": -0.002 * (action - prev_action).square().sum(dim=-1),
    }
    total = components["both"] + components["each"] + components["fall"] + components["smooth"]
    return total, components
