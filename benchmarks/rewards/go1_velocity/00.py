# Written by a language model in answer to the first prompt for go1_velocity.

import torch


def compute_reward(
    command: torch.Tensor,  # (num_envs, 3)
    velocity: torch.Tensor,  # (num_envs, 3)
    turning_rates: torch.Tensor,  # (num_envs, 3)
    gravity_direction: torch.Tensor,  # (num_envs, 3)
    action: torch.Tensor,  # (num_envs, 12)
    prev_action: torch.Tensor,  # (num_envs, 12)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    velocity_temperature = 0.25  # (m/s)^2
    turning_temperature = 0.25  # (rad/s)^2

    velocity_error = (command[:, :2] - velocity[:, :2]).square().sum(dim=-1)
    turning_error = torch.square(command[:, 2] - turning_rates[:, 2])
    level = gravity_direction[:, :2].square().sum(dim=-1)

    components = {
        "track_velocity": 2.0 * torch.exp(-torch.clamp(velocity_error / velocity_temperature, max=50.0)),
        "track_turning": 1.0 * torch.exp(-torch.clamp(turning_error / turning_temperature, max=50.0)),
        "level": -0.5 * level,
        "bounce": -0.2 * torch.clamp(velocity[:, 2].square(), max=2.0),
        "smooth": -0.01 * (action - prev_action).square().sum(dim=-1),
    }
    total = (
        components["track_velocity"]
        + components["track_turning"]
        + components["level"]
        + components["bounce"]
        + components["smooth"]
    )
    return total, components
