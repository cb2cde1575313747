# Written by a language model in answer to the first prompt for push.

import torch


def compute_reward(
    hand_position: torch.Tensor,  # (num_envs, 3)
    puck_position: torch.Tensor,  # (num_envs, 3)
    goal_position: torch.Tensor,  # (num_envs, 3)
    action: torch.Tensor,  # (num_envs, 4)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    hand_temperature = 0.15  # m
    puck_temperature = 0.15  # m

    hand_distance = torch.linalg.norm(hand_position - puck_position, dim=-1)
    puck_distance = torch.linalg.norm(puck_position - goal_position, dim=-1)

    success = torch.where(
        puck_distance < 0.05,
        torch.ones_like(puck_distance),
        torch.zeros_like(puck_distance),
    )

    components = {
        "reach": 1.0 - torch.tanh(hand_distance / hand_temperature),
        "push": 5.0 * (1.0 - torch.tanh(puck_distance / puck_temperature)),
        "success": 5.0 * success,
        "effort": -0.01 * action.square().sum(dim=-1),
    }
    total = (
        components["reach"]
        + components["push"]
        + components["success"]
        + components["effort"]
    )
    return total, components
