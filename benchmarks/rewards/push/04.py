# Written by a language model in answer to the first prompt for push.

import torch
from rewardsmith.geometry import normalize


def compute_reward(
    hand_position: torch.Tensor,  # (num_envs, 3)
    hand_velocity: torch.Tensor,  # (num_envs, 3)
    puck_position: torch.Tensor,  # (num_envs, 3)
    goal_position: torch.Tensor,  # (num_envs, 3)
    prev_hand_position: torch.Tensor,  # (num_envs, 3)
    prev_puck_position: torch.Tensor,  # (num_envs, 3)
    action: torch.Tensor,  # (num_envs, 4)
    dt: float,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    contact_temperature = 0.05  # m
    speed_temperature = 0.3  # m/s
    goal_temperature = 0.08  # m

    def tip_distance(hand, puck):
        planar = (hand[:, :2] - puck[:, :2]).square().sum(dim=-1)
        vertical = torch.square(hand[:, 2] - 0.045 - puck[:, 2])
        return torch.sqrt(planar + vertical + 1e-8)

    reach = tip_distance(hand_position, puck_position)
    prev_reach = tip_distance(prev_hand_position, prev_puck_position)
    contact = torch.exp(-reach / contact_temperature)

    to_goal = goal_position[:, :2] - puck_position[:, :2]
    goal_distance = torch.linalg.norm(to_goal, dim=-1)
    prev_goal_distance = torch.linalg.norm(goal_position[:, :2] - prev_puck_position[:, :2], dim=-1)
    direction = normalize(to_goal)

    approach_speed = torch.clamp((prev_reach - reach) / dt, -1.0, 1.0)
    puck_speed = torch.clamp((prev_goal_distance - goal_distance) / dt, -2.0, 2.0)
    hand_speed = (hand_velocity[:, :2] * direction).sum(dim=-1)

    components = {
        "approach": 0.3 * torch.tanh(approach_speed / speed_temperature),
        "contact": 0.2 * contact,
        "swing": 0.2 * contact * torch.tanh(hand_speed / speed_temperature) * torch.tanh(goal_distance / 0.05),
        "puck_speed": 2.0 * puck_speed,
        "near_goal": 1.5 * torch.exp(-goal_distance / goal_temperature),
        "effort": -0.005 * action.square().sum(dim=-1),
    }
    total = (
        components["approach"]
        + components["contact"]
        + components["swing"]
        + components["puck_speed"]
        + components["near_goal"]
        + components["effort"]
    )
    return total, components
