# Written by a language model in answer to the first prompt for go1_velocity.

import torch


def compute_reward(
    command: torch.Tensor,  # (num_envs, 3)
    velocity: torch.Tensor,  # (num_envs, 3)
    turning_rates: torch.Tensor,  # (num_envs, 3)
    gravity_direction: torch.Tensor,  # (num_envs, 3)
    body_height: torch.Tensor,  # (num_envs,)
    joint_torques: torch.Tensor,  # (num_envs, 12)
    action: torch.Tensor,  # (num_envs, 12)
    prev_action: torch.Tensor,  # (num_envs, 12)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    tracking_sigma = 0.25
    target_height = 0.28  # m

    linear_error = (command[:, :2] - velocity[:, :2]).square().sum(dim=-1)
    angular_error = torch.square(command[:, 2] - turning_rates[:, 2])

    components = {
        "tracking_linear": 1.5 * torch.exp(-torch.clamp(linear_error / tracking_sigma, max=50.0)),
        "tracking_angular": 0.8 * torch.exp(-torch.clamp(angular_error / tracking_sigma, max=50.0)),
        "linear_z": -0.5 * torch.clamp(velocity[:, 2].square(), max=4.0),
        "angular_xy": -0.01 * torch.clamp(turning_rates[:, :2].square().sum(dim=-1), max=100.0),
        "orientation": -0.5 * gravity_direction[:, :2].square().sum(dim=-1),
        "height": -5.0 * torch.clamp(torch.square(body_height - target_height), max=0.1),
        "torques": -0.0001 * joint_torques.square().sum(dim=-1),
        "action_rate": -0.005 * (action - prev_action).square().sum(dim=-1),
        "alive": 0.2 * torch.ones_like(body_height),
    }
    total = (
        components["tracking_linear"]
        + components["tracking_angular"]
        + components["linear_z"]
        + components["angular_xy"]
        + components["orientation"]
        + components["height"]
        + components["torques"]
        + components["action_rate"]
        + components["alive"]
    )
    return total, components
