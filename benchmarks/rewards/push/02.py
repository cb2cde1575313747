# Written by a language model in answer to the first prompt for push.

import torch
from rewardsmith.geometry import planar_distance


def compute_reward(
    hand_position: torch.Tensor,  # (num_envs, 3)
    gripper_opening: torch.Tensor,  # (num_envs,)
    puck_position: torch.Tensor,  # (num_envs, 3)
    goal_position: torch.Tensor,  # (num_envs, 3)
    prev_puck_position: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    over_temperature = 0.06  # m
    height_temperature = 0.05  # m
    puck_temperature = 0.12  # m

    planar = planar_distance(hand_position, puck_position)
    over = torch.exp(-planar / over_temperature)
    height_error = torch.abs(hand_position[:, 2] - 0.045 - puck_position[:, 2])
    lowered = over * torch.exp(-torch.clamp(height_error, max=2.0) / height_temperature)
    around = lowered * (1.0 - torch.clamp(gripper_opening, 0.0, 1.0))

    puck_distance = planar_distance(puck_position, goal_position)
    prev_puck_distance = planar_distance(prev_puck_position, goal_position)
    near = torch.exp(-puck_distance / puck_temperature)
    fitness_like = torch.clamp((0.15 - puck_distance) / 0.10, 0.0, 1.0)

    components = {
        "over": 0.15 * over,
        "lowered": 0.25 * lowered,
        "grip": 0.15 * around,
        "push": 60.0 * torch.clamp(prev_puck_distance - puck_distance, -0.05, 0.05),
        "near": 1.0 * near,
        "goal": 3.0 * fitness_like,
    }
    total = (
        components["over"]
        + components["lowered"]
        + components["grip"]
        + components["push"]
        + components["near"]
        + components["goal"]
    )
    return total, components
