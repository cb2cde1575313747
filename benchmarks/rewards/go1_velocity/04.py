# Written by a language model in answer to the first prompt for go1_velocity.

import torch


def compute_reward(
    command: torch.Tensor,  # (num_envs, 3)
    velocity: torch.Tensor,  # (num_envs, 3)
    turning_rates: torch.Tensor,  # (num_envs, 3)
    gravity_direction: torch.Tensor,  # (num_envs, 3)
    body_height: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 12)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    precise_scale = 0.2
    far_scale = 1.0
    height_temperature = 0.05  # m

    error_forward = command[:, 0] - velocity[:, 0]
    error_left = command[:, 1] - velocity[:, 1]
    error_turning = command[:, 2] - turning_rates[:, 2]
    error = torch.sqrt(
        error_forward.square() + error_left.square() + error_turning.square() + 1e-6
    )

    precise = 1.0 / (1.0 + torch.square(error / precise_scale))
    far = torch.clamp(1.0 - error / far_scale, 0.0, 1.0)

    level = torch.clamp(-gravity_direction[:, 2], 0.0, 1.0)
    height_error = torch.clamp(torch.abs(body_height - 0.28), max=1.0)
    stance = level * torch.exp(-height_error / height_temperature)

    components = {
        "precise": 2.0 * precise,
        "far": 1.0 * far,
        "stance": 0.2 * stance,
        "effort": -0.01 * action.square().sum(dim=-1),
    }
    total = components["precise"] + components["far"] + components["stance"] + components["effort"]
    return total, components
