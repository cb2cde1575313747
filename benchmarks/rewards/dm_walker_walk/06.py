# Written by a language model in answer to the first prompt for dm_walker_walk.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_upright: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    pitch_rate: torch.Tensor,  # (num_envs,)
    joint_velocities: torch.Tensor,  # (num_envs, 6)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    rate_temperature = 8.0  # rad/s
    joint_temperature = 20.0  # rad/s

    height = torch.clamp(torso_height / 1.25, 0.0, 1.0)
    speed = torch.clamp(x_velocity, -1.0, 1.0)
    joint_speed = torch.sqrt(joint_velocities.square().mean(dim=-1) + 1e-6)

    components = {
        "height": 1.0 * height,
        "upright": 0.5 * torso_upright,
        "forward": 2.0 * speed * height * torch.clamp(torso_upright, min=0.0),
        "spin": -0.1 * torch.tanh(torch.abs(pitch_rate) / rate_temperature),
        "flail": -0.1 * torch.tanh(joint_speed / joint_temperature),
        "effort": -0.01 * action.square().sum(dim=-1),
    }
    total = (
        components["height"]
        + components["upright"]
        + components["forward"]
        + components["spin"]
        + components["flail"]
        + components["effort"]
    )
    return total, components
