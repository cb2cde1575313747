# Written by a language model in answer to the first prompt for hopper_hop.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    speed_temperature = 2.0  # m/s
    pitch_temperature = 0.2  # rad

    upright = torch.exp(-torch.clamp(torch.abs(torso_pitch), max=3.0) / pitch_temperature)
    speed = torch.clamp(x_velocity, -3.0, 8.0)
    forward = torch.clamp(speed, min=0.0)
    backward = torch.clamp(speed, max=0.0)

    components = {
        "pace": 2.0 * upright * torch.tanh(forward / speed_temperature),
        "speed": 0.5 * forward,
        "backward": 0.3 * backward,
        "stand": 0.2 * torch.sigmoid(torch.clamp((torso_height - 0.95) / 0.08, -20.0, 20.0)),
    }
    total = components["pace"] + components["speed"] + components["backward"] + components["stand"]
    return total, components
