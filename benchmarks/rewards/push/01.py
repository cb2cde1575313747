# Written by a language model in answer to the first prompt for push.

import torch
from rewardsmith.geometry import distance, normalize


def compute_reward(
    hand_position: torch.Tensor,  # (num_envs, 3)
    puck_position: torch.Tensor,  # (num_envs, 3)
    goal_position: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    reach_temperature = 0.08  # m
    coarse_temperature = 0.25  # m
    fine_temperature = 0.06  # m
    behind = 0.04  # m
    finger_offset = 0.045  # m

    direction = normalize(goal_position - puck_position)
    target = puck_position - behind * direction
    up = torch.cat(
        [
            torch.zeros_like(puck_position[:, :2]),
            torch.full_like(puck_position[:, 2:], finger_offset),
        ],
        dim=-1,
    )
    reach = distance(hand_position, target + up)
    to_goal = distance(puck_position, goal_position)

    components = {
        "reach": 0.4 * torch.exp(-reach / reach_temperature),
        "coarse": 2.0 * torch.exp(-to_goal / coarse_temperature),
        "fine": 2.0 * torch.exp(-to_goal / fine_temperature),
    }
    total = components["reach"] + components["coarse"] + components["fine"]
    return total, components
