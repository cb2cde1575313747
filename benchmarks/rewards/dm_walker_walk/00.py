# Written by a language model in answer to the first prompt for dm_walker_walk.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_upright: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    stand_height = 1.2  # m

    height = torch.clamp(torso_height / stand_height, 0.0, 1.0)
    upright = torch.clamp(0.5 * (1.0 + torso_upright), 0.0, 1.0)
    stand = height * height * upright
    speed = torch.clamp(x_velocity, 0.0, 1.0)
    backward = torch.clamp(x_velocity, -1.0, 0.0)

    components = {
        "height": 0.3 * height,
        "upright": 0.2 * upright,
        "stand": 0.5 * stand,
        "walk": 3.0 * stand * speed,
        "backward": 0.3 * stand * backward,
        "effort": -0.01 * action.square().sum(dim=-1),
    }
    total = (
        components["height"]
        + components["upright"]
        + components["stand"]
        + components["walk"]
        + components["backward"]
        + components["effort"]
    )
    return total, components
