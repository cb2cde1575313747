# Written by a language model in answer to the first prompt for hopper_hop.

import torch
from rewardsmith.geometry import tolerance


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    pitch_rate: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 3)
    prev_action: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    speed_temperature = 0.8  # m/s
    rate_temperature = 5.0  # rad/s

    upright = tolerance(torso_pitch, bounds=(-0.05, 0.1), margin=0.15)
    tall = tolerance(torso_height, bounds=(1.05, 2.0), margin=0.35)
    safe = upright * tall

    speed = torch.clamp(x_velocity, -2.0, 5.0)
    progress = torch.tanh(torch.clamp(speed, min=0.0) / speed_temperature)

    calm = torch.exp(-torch.square(torch.clamp(pitch_rate, -15.0, 15.0) / rate_temperature))

    components = {
        "speed": 1.0 * speed,
        "safe_progress": 0.5 * safe * progress,
        "calm_progress": 0.2 * calm * progress,
        "safe": 0.2 * safe,
        "jerk": -0.01 * (action - prev_action).square().sum(dim=-1),
    }
    total = (
        components["speed"]
        + components["safe_progress"]
        + components["calm_progress"]
        + components["safe"]
        + components["jerk"]
    )
    return total, components
