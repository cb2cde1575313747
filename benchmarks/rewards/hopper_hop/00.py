# Written by a language model in answer to the first prompt for hopper_hop.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    pitch_temperature = 0.15  # rad

    upright = torch.exp(-torch.square(torch.clamp(torso_pitch, -3.0, 3.0) / pitch_temperature))
    speed = torch.clamp(x_velocity, -2.0, 5.0)
    forward = torch.clamp(speed, min=0.0)
    backward = torch.clamp(speed, max=0.0)

    components = {
        "forward": forward * (0.5 + 0.5 * upright),
        "backward": 0.5 * backward,
        "alive": 0.15 * torch.ones_like(x_velocity),
        "upright": 0.1 * upright,
        "effort": -0.005 * action.square().sum(dim=-1),
    }
    total = (
        components["forward"]
        + components["backward"]
        + components["alive"]
        + components["upright"]
        + components["effort"]
    )
    return total, components
