# Written by a language model in answer to the first prompt for dm_walker_walk.

import torch
from rewardsmith.geometry import tolerance


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    z_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
    prev_action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    high = tolerance(torso_height, bounds=(1.2, 2.0), margin=1.0, sigmoid="quadratic", value_at_margin=0.05)
    upright = tolerance(torso_pitch, bounds=(-0.2, 0.3), margin=1.5, sigmoid="gaussian", value_at_margin=0.2)
    walking = tolerance(x_velocity, bounds=(1.0, 20.0), margin=1.5, sigmoid="linear", value_at_margin=0.0)

    posture = 0.6 * high + 0.4 * upright
    stand = high * upright

    # rising is paid only while the torso is low
    low = torch.clamp(1.0 - torso_height, 0.0, 1.0)
    rising = low * torch.tanh(torch.clamp(z_velocity, -5.0, 5.0) / 1.0)

    components = {
        "posture": 0.4 * posture,
        "walking": 2.0 * stand * walking,
        "rising": 0.1 * rising,
        "jerk": -0.005 * (action - prev_action).square().sum(dim=-1),
    }
    total = (
        components["posture"]
        + components["walking"]
        + components["rising"]
        + components["jerk"]
    )
    return total, components
