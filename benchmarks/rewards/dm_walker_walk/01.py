# Written by a language model in answer to the first prompt for dm_walker_walk.

import torch
from rewardsmith.geometry import tolerance


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_upright: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    standing = tolerance(torso_height, bounds=(1.2, 3.0), margin=0.8, sigmoid="gaussian")
    upright = 0.5 * (1.0 + torch.clamp(torso_upright, -1.0, 1.0))
    stand = (3.0 * standing + upright) / 4.0
    move = tolerance(x_velocity, bounds=(1.0, 100.0), margin=1.0, sigmoid="linear", value_at_margin=0.0)

    components = {
        "stand": stand / 6.0,
        "walk": stand * move * 5.0 / 6.0,
    }
    total = components["stand"] + components["walk"]
    return total, components
