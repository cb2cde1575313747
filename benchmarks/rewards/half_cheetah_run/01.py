# Written by a language model in answer to the first prompt for half_cheetah_run.

import torch


def compute_reward(
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    speed_temperature = 1.5  # m/s

    upright = 0.5 * (1.0 + torch.cos(torso_pitch))
    velocity = torch.clamp(x_velocity, -10.0, 20.0)

    components = {
        "velocity": 1.0 * velocity,
        "upright_run": 0.5 * upright * torch.tanh(velocity / speed_temperature),
        "effort": -0.05 * action.square().sum(dim=-1),
    }
    total = components["velocity"] + components["upright_run"] + components["effort"]
    return total, components
