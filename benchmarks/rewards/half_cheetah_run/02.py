# Written by a language model in answer to the first prompt for half_cheetah_run.

import torch
from rewardsmith.geometry import tolerance


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
    prev_action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    pitch_margin = 1.2  # rad
    pitch_temperature = 1.5  # rad

    upright = tolerance(torso_pitch, bounds=(-0.5, 0.5), margin=pitch_margin)
    high = tolerance(torso_height, bounds=(-0.3, 0.5), margin=0.25)
    gait = upright * high

    speed = torch.clamp(x_velocity, -3.0, 15.0)
    forward = torch.clamp(speed, min=0.0) * gait
    backward = torch.clamp(speed, max=0.0)

    pitch_error = torch.clamp(torch.abs(torso_pitch), 0.0, 10.0)
    righting = torch.exp(-pitch_error / pitch_temperature)

    jerk = torch.square(action - prev_action).sum(dim=-1)

    components = {
        "forward": 2.0 * forward,
        "backward": 1.0 * backward,
        "righting": 0.15 * righting,
        "effort": -0.01 * action.square().sum(dim=-1),
        "jerk": -0.005 * jerk,
    }
    total = (
        components["forward"]
        + components["backward"]
        + components["righting"]
        + components["effort"]
        + components["jerk"]
    )
    return total, components
