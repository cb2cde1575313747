# Written by a language model in answer to the first prompt for dm_walker_walk.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_upright: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    height = torch.clamp((torso_height - 0.1) / 1.1, 0.0, 1.0)
    upright = torch.clamp(torso_upright, -1.0, 1.0)
    lean_factor = torch.clamp(0.5 * (1.0 + upright), 0.0, 1.0)

    tall = height ** 3
    speed = torch.clamp(x_velocity, -1.0, 1.0)

    components = {
        "walk": 1.0 * tall * lean_factor * speed,
        "get_up": 0.25 * height,
        "straighten": 0.15 * upright,
        "effort": -0.005 * action.square().sum(dim=-1),
    }
    total = (
        components["walk"]
        + components["get_up"]
        + components["straighten"]
        + components["effort"]
    )
    return total, components
