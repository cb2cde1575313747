# Written by a language model in answer to the first prompt for hopper_hop.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    joint_angles: torch.Tensor,  # (num_envs, 3)
    x_velocity: torch.Tensor,  # (num_envs,)
    pitch_rate: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    barrier_width = 0.04  # rad
    barrier_start = 0.15  # rad
    knee_temperature = 0.6  # rad
    rate_temperature = 6.0  # rad/s

    speed = torch.clamp(x_velocity, -2.0, 6.0)

    over = (torch.abs(torso_pitch) - barrier_start) / barrier_width
    barrier = torch.sigmoid(torch.clamp(over, -20.0, 20.0))

    knee_bend = torch.clamp(-1.5 - joint_angles[:, 1], min=0.0, max=3.0)
    knee_cost = torch.tanh(knee_bend / knee_temperature)

    rotation = torch.tanh(torch.square(pitch_rate / rate_temperature))

    low = torch.clamp(1.0 - torso_height, min=0.0, max=0.5)

    components = {
        "speed": 2.0 * speed,
        "alive": 0.4 * torch.ones_like(speed),
        "barrier": -0.3 * barrier,
        "low": -0.5 * low,
        "rotation": -0.05 * rotation,
        "knee": -0.05 * knee_cost,
        "effort": -0.01 * action.square().sum(dim=-1),
    }
    total = (
        components["speed"]
        + components["alive"]
        + components["barrier"]
        + components["low"]
        + components["rotation"]
        + components["knee"]
        + components["effort"]
    )
    return total, components
