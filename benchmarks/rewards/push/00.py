# Written by a language model in answer to the first prompt for push.

import torch


def compute_reward(
    hand_position: torch.Tensor,  # (num_envs, 3)
    puck_position: torch.Tensor,  # (num_envs, 3)
    goal_position: torch.Tensor,  # (num_envs, 3)
    prev_puck_position: torch.Tensor,  # (num_envs, 3)
    action: torch.Tensor,  # (num_envs, 4)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    reach_temperature = 0.1  # m
    goal_temperature = 0.1  # m

    fingers_z = hand_position[:, 2] - 0.045
    dx = hand_position[:, 0] - puck_position[:, 0]
    dy = hand_position[:, 1] - puck_position[:, 1]
    dz = fingers_z - puck_position[:, 2]
    reach_distance = torch.sqrt(dx * dx + dy * dy + dz * dz + 1e-6)

    goal_distance = torch.linalg.norm(goal_position[:, :2] - puck_position[:, :2], dim=-1)
    prev_goal_distance = torch.linalg.norm(goal_position[:, :2] - prev_puck_position[:, :2], dim=-1)
    progress = prev_goal_distance - goal_distance

    at_goal = torch.where(goal_distance < 0.05, torch.ones_like(goal_distance), torch.zeros_like(goal_distance))

    components = {
        "reach": 0.3 * torch.exp(-reach_distance / reach_temperature),
        "near_goal": 2.0 * torch.exp(-goal_distance / goal_temperature),
        "progress": 50.0 * progress,
        "success": 1.0 * at_goal,
        "effort": -0.005 * action.square().sum(dim=-1),
    }
    total = (
        components["reach"]
        + components["near_goal"]
        + components["progress"]
        + components["success"]
        + components["effort"]
    )
    return total, components
