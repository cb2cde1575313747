# Written by a language model in answer to the first prompt for go1_velocity.

import torch


def compute_reward(
    command: torch.Tensor,  # (num_envs, 3)
    velocity: torch.Tensor,  # (num_envs, 3)
    turning_rates: torch.Tensor,  # (num_envs, 3)
    gravity_direction: torch.Tensor,  # (num_envs, 3)
    joint_angles: torch.Tensor,  # (num_envs, 12)
    foot_contacts: torch.Tensor,  # (num_envs, 4)
    joint_torques: torch.Tensor,  # (num_envs, 12)
    action: torch.Tensor,  # (num_envs, 12)
    prev_action: torch.Tensor,  # (num_envs, 12)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    linear_temperature = 0.25  # m/s
    turning_temperature = 0.25  # rad/s
    level_temperature = 0.2
    pose_temperature = 1.0

    linear_error = torch.linalg.norm(command[:, :2] - velocity[:, :2], dim=-1)
    turning_error = torch.abs(command[:, 2] - turning_rates[:, 2])
    linear = torch.exp(-torch.clamp(linear_error, max=10.0) / linear_temperature)
    turning = torch.exp(-torch.clamp(turning_error, max=10.0) / turning_temperature)
    lean = torch.linalg.norm(gravity_direction[:, :2], dim=-1)
    level = torch.exp(-lean / level_temperature)

    # front right 0, front left 1, rear right 2, rear left 3
    diagonal_a = 1.0 - torch.abs(foot_contacts[:, 0] - foot_contacts[:, 3])
    diagonal_b = 1.0 - torch.abs(foot_contacts[:, 1] - foot_contacts[:, 2])
    opposite = torch.abs(foot_contacts[:, 0] - foot_contacts[:, 1])
    trot = diagonal_a * diagonal_b * opposite

    asked = torch.linalg.norm(command, dim=-1)
    moving = torch.clamp(asked / 0.2, 0.0, 1.0)
    pose = torch.exp(-joint_angles.square().sum(dim=-1) / pose_temperature)

    components = {
        "linear": 2.0 * linear * (0.5 + 0.5 * level),
        "turning": 1.0 * turning * (0.5 + 0.5 * level),
        "level": 0.1 * level,
        "trot": 0.2 * trot * moving * linear,
        "pose": 0.1 * pose * (1.0 - 0.7 * moving),
        "torque": -0.00005 * joint_torques.square().sum(dim=-1),
        "smooth": -0.005 * (action - prev_action).square().sum(dim=-1),
    }
    total = (
        components["linear"]
        + components["turning"]
        + components["level"]
        + components["trot"]
        + components["pose"]
        + components["torque"]
        + components["smooth"]
    )
    return total, components
