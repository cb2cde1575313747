# Written by a language model in answer to the first prompt for hopper_hop.

import torch


def compute_reward(
    x_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    velocity = torch.clamp(x_velocity, -3.0, 6.0)
    components = {
        "forward": 1.0 * velocity,
        "healthy": 0.7 * torch.ones_like(velocity),
        "effort": -0.001 * action.square().sum(dim=-1),
    }
    total = components["forward"] + components["healthy"] + components["effort"]
    return total, components
