# Written by a language model in answer to the first prompt for half_cheetah_run.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    joint_velocities: torch.Tensor,  # (num_envs, 6)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    start_temperature = 0.5  # m/s
    stride_temperature = 5.0  # rad/s
    pitch_temperature = 0.7  # rad
    height_temperature = 0.2  # m

    pitch_error = torch.clamp(torch.abs(torso_pitch) - 0.3, min=0.0, max=20.0)
    upright = torch.exp(-pitch_error / pitch_temperature)
    sunk = torch.clamp(-0.25 - torso_height, min=0.0, max=2.0)
    clear = torch.exp(-sunk / height_temperature)
    posture = upright * clear

    speed = torch.clamp(x_velocity, -5.0, 15.0)
    positive = torch.clamp(speed, min=0.0)

    back_thigh = joint_velocities[:, 0]
    front_thigh = joint_velocities[:, 3]
    stride = torch.tanh(torch.abs(back_thigh - front_thigh) / stride_temperature)
    moving = torch.tanh(positive / start_temperature)

    components = {
        "start": 0.5 * torch.tanh(speed / start_temperature) * (0.2 + 0.8 * posture),
        "speed": 1.0 * positive * (0.2 + 0.8 * posture) + 0.5 * torch.clamp(speed, max=0.0),
        "stride": 0.1 * stride * moving * posture,
        "posture": 0.1 * posture,
        "effort": -0.01 * action.square().sum(dim=-1),
    }
    total = (
        components["start"]
        + components["speed"]
        + components["stride"]
        + components["posture"]
        + components["effort"]
    )
    return total, components
