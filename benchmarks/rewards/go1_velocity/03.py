# Written by a language model in answer to the first prompt for go1_velocity.

import torch


def compute_reward(
    command: torch.Tensor,  # (num_envs, 3)
    velocity: torch.Tensor,  # (num_envs, 3)
    turning_rates: torch.Tensor,  # (num_envs, 3)
    gravity_direction: torch.Tensor,  # (num_envs, 3)
    joint_angles: torch.Tensor,  # (num_envs, 12)
    foot_contacts: torch.Tensor,  # (num_envs, 4)
    foot_heights: torch.Tensor,  # (num_envs, 4)
    foot_velocities: torch.Tensor,  # (num_envs, 12)
    action: torch.Tensor,  # (num_envs, 12)
    prev_action: torch.Tensor,  # (num_envs, 12)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    linear_temperature = 0.3  # m/s
    turning_temperature = 0.3  # rad/s
    clearance_target = 0.06  # m
    clearance_temperature = 0.04  # m
    slip_temperature = 0.5  # m/s
    pose_temperature = 0.5  # rad

    linear_error = torch.linalg.norm(command[:, :2] - velocity[:, :2], dim=-1)
    turning_error = torch.abs(command[:, 2] - turning_rates[:, 2])
    track_linear = torch.exp(-torch.square(torch.clamp(linear_error, max=3.0) / linear_temperature))
    track_turning = torch.exp(-torch.square(torch.clamp(turning_error, max=3.0) / turning_temperature))

    level = torch.clamp(-gravity_direction[:, 2], 0.0, 1.0)
    wanted = torch.tanh(torch.linalg.norm(command, dim=-1) / 0.2)

    feet = foot_velocities.reshape(-1, 4, 3)
    foot_speed = torch.linalg.norm(feet[:, :, :2], dim=-1)
    slip = (foot_contacts * torch.tanh(foot_speed / slip_temperature)).sum(dim=-1) / 4.0

    swing = 1.0 - foot_contacts
    height_error = torch.clamp(torch.abs(foot_heights - clearance_target), max=1.0)
    clearance = (swing * torch.exp(-height_error / clearance_temperature)).sum(dim=-1) / 2.0

    pose = torch.tanh(joint_angles.square().sum(dim=-1) / (12.0 * pose_temperature * pose_temperature))

    components = {
        "track_linear": 2.0 * track_linear,
        "track_turning": 1.2 * track_turning,
        "level": 0.2 * level,
        "clearance": 0.2 * wanted * torch.clamp(clearance, max=1.0) * track_linear,
        "slip": -0.1 * slip,
        "pose": -0.1 * pose,
        "smooth": -0.005 * (action - prev_action).square().sum(dim=-1),
    }
    total = (
        components["track_linear"]
        + components["track_turning"]
        + components["level"]
        + components["clearance"]
        + components["slip"]
        + components["pose"]
        + components["smooth"]
    )
    return total, components
