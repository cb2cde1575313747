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
    wide_temperature = 0.5
    sharp_temperature = 0.15
    upright_temperature = 0.3

    linear_error = torch.linalg.norm(command[:, :2] - velocity[:, :2], dim=-1)
    turning_error = torch.abs(command[:, 2] - turning_rates[:, 2])
    linear_error = torch.clamp(linear_error, max=20.0)
    turning_error = torch.clamp(turning_error, max=20.0)

    lean = torch.linalg.norm(gravity_direction[:, :2], dim=-1)
    upright = torch.exp(-torch.square(lean / upright_temperature))

    wide = 0.6 * torch.exp(-linear_error / wide_temperature) + 0.4 * torch.exp(-turning_error / wide_temperature)
    sharp = torch.exp(-(linear_error + turning_error) / (2.0 * sharp_temperature))

    components = {
        "wide": 1.0 * wide * upright,
        "sharp": 1.5 * sharp * upright,
        "upright": 0.1 * upright,
        "smooth": -0.005 * (action - prev_action).square().sum(dim=-1),
        "effort": -0.005 * action.square().sum(dim=-1),
    }
    total = (
        components["wide"]
        + components["sharp"]
        + components["upright"]
        + components["smooth"]
        + components["effort"]
    )
    return total, components
