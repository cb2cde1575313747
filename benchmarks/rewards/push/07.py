# Written by a language model in answer to the first prompt for push.

import torch
from rewardsmith.geometry import planar_distance


def compute_reward(
    hand_position: torch.Tensor,  # (num_envs, 3)
    puck_position: torch.Tensor,  # (num_envs, 3)
    goal_position: torch.Tensor,  # (num_envs, 3)
    prev_puck_position: torch.Tensor,  # (num_envs, 3)
    episode_progress: torch.Tensor,  # (num_envs,)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    reach_temperature = 0.12  # m
    peak_temperature = 0.04  # m
    puck_range = 0.4  # m

    # a point just behind the puck (towards the robot), at the height of the fingers
    behind_x = hand_position[:, 0] - puck_position[:, 0]
    behind_y = hand_position[:, 1] - (puck_position[:, 1] - 0.03)
    behind_z = hand_position[:, 2] - (puck_position[:, 2] + 0.045)
    reach = torch.sqrt(behind_x.square() + behind_y.square() + behind_z.square() + 1e-6)

    goal_distance = planar_distance(puck_position, goal_position)
    prev_goal_distance = planar_distance(prev_puck_position, goal_position)

    linear = torch.clamp(1.0 - goal_distance / puck_range, 0.0, 1.0)
    peak = torch.exp(-torch.square(torch.clamp(goal_distance, max=1.0) / peak_temperature))
    early = 1.0 - 0.5 * torch.clamp(episode_progress, 0.0, 1.0)

    components = {
        "reach": 0.5 * early * torch.exp(-reach / reach_temperature),
        "linear": 3.0 * linear,
        "peak": 2.0 * peak,
        "progress": 20.0 * (prev_goal_distance - goal_distance),
    }
    total = components["reach"] + components["linear"] + components["peak"] + components["progress"]
    return total, components
