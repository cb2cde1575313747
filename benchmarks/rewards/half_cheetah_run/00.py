# Written by a language model in answer to the first prompt for half_cheetah_run.

import torch


def compute_reward(
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    pitch_rate: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    pitch_temperature = 0.8  # rad
    rate_temperature = 5.0  # rad/s

    speed = torch.clamp(x_velocity, -5.0, 20.0)
    pitch = torch.clamp(torso_pitch, -20.0, 20.0)
    level = torch.exp(-torch.square(pitch / pitch_temperature))

    forward = torch.clamp(speed, min=0.0)
    backward = torch.clamp(speed, max=0.0)

    components = {
        "run": forward * (0.3 + 0.7 * level),
        "backward": backward,
        "level": 0.1 * level,
        "spin": -0.05 * torch.tanh(torch.square(pitch_rate / rate_temperature)),
        "effort": -0.02 * action.square().sum(dim=-1),
    }
    total = (
        components["run"]
        + components["backward"]
        + components["level"]
        + components["spin"]
        + components["effort"]
    )
    return total, components
