# Written by a language model in answer to the first prompt for push.

import torch
from rewardsmith.geometry import distance, tolerance


def compute_reward(
    hand_position: torch.Tensor,  # (num_envs, 3)
    gripper_opening: torch.Tensor,  # (num_envs,)
    puck_position: torch.Tensor,  # (num_envs, 3)
    goal_position: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    puck_goal = distance(puck_position, goal_position)
    tips = hand_position - torch.cat(
        [torch.zeros_like(hand_position[:, :2]), 0.045 * torch.ones_like(hand_position[:, 2:])],
        dim=-1,
    )
    tip_puck = distance(tips, puck_position)

    in_place = tolerance(puck_goal, bounds=(0.0, 0.05), margin=0.35, sigmoid="long_tail")
    reached = tolerance(tip_puck, bounds=(0.0, 0.02), margin=0.25, sigmoid="long_tail")
    closed = torch.clamp(1.0 - gripper_opening, 0.0, 1.0)

    not_there = torch.clamp(puck_goal / 0.05 - 1.0, 0.0, 1.0)
    near_puck = torch.exp(-tip_puck / 0.03)

    components = {
        "reach": 1.0 * reached * not_there + 1.0 * (1.0 - not_there),
        "grasp": 0.3 * near_puck * closed * not_there + 0.3 * (1.0 - not_there),
        "in_place": 4.0 * in_place,
        "both": 2.0 * in_place * reached,
        "success": torch.where(puck_goal < 0.05, 3.0 * torch.ones_like(puck_goal), torch.zeros_like(puck_goal)),
    }
    total = (
        components["reach"]
        + components["grasp"]
        + components["in_place"]
        + components["both"]
        + components["success"]
    )
    return total, components
