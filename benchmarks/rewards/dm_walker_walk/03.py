# Written by a language model in answer to the first prompt for dm_walker_walk.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_upright: torch.Tensor,  # (num_envs,)
    leg_orientations: torch.Tensor,  # (num_envs, 12)
    x_velocity: torch.Tensor,  # (num_envs,)
    pitch_rate: torch.Tensor,  # (num_envs,)
    joint_velocities: torch.Tensor,  # (num_envs, 6)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    height_temperature = 0.3  # m
    stride_temperature = 0.4
    rate_temperature = 5.0  # rad/s

    missing = torch.clamp(1.2 - torso_height, min=0.0, max=2.0)
    high = torch.exp(-missing / height_temperature)
    upright = torch.clamp(0.5 + 0.5 * torso_upright, 0.0, 1.0)
    posture = high * upright

    speed = torch.clamp(x_velocity, -0.5, 1.0)

    right_thigh_sin = leg_orientations[:, 1]
    left_thigh_sin = leg_orientations[:, 7]
    stride = torch.tanh(torch.abs(right_thigh_sin - left_thigh_sin) / stride_temperature)

    calm = torch.exp(-torch.square(torch.clamp(pitch_rate, -30.0, 30.0) / rate_temperature))

    components = {
        "walk": 4.0 * posture * speed,
        "high": 0.6 * high,
        "upright": 0.4 * upright,
        "stride": 0.2 * stride * posture * torch.clamp(speed, min=0.0),
        "calm": 0.1 * calm * posture,
        "effort": -0.02 * action.square().mean(dim=-1),
    }
    total = (
        components["walk"]
        + components["high"]
        + components["upright"]
        + components["stride"]
        + components["calm"]
        + components["effort"]
    )
    return total, components
