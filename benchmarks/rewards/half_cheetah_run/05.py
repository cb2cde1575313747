# Written by a language model in answer to the first prompt for half_cheetah_run.

import torch


def compute_reward(
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    pitch_rate: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    pitch_temperature = 1.0  # rad
    pitch_rate_temperature = 4.0  # rad/s

    pitch = torch.clamp(torso_pitch, -30.0, 30.0)
    pitch_cost = 1.0 - torch.exp(-torch.square(pitch / pitch_temperature))
    rate_cost = torch.tanh(torch.abs(pitch_rate) / pitch_rate_temperature)

    components = {
        "velocity": 2.0 * torch.clamp(x_velocity, -10.0, 20.0),
        "pitch": -0.6 * pitch_cost,
        "pitch_rate": -0.2 * rate_cost,
        "effort": -0.1 * action.square().mean(dim=-1),
    }
    total = (
        components["velocity"]
        + components["pitch"]
        + components["pitch_rate"]
        + components["effort"]
    )
    return total, components
