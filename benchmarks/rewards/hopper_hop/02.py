# Written by a language model in answer to the first prompt for hopper_hop.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    pitch_rate: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    speed_temperature = 1.0  # m/s
    lean_temperature = 0.15  # rad
    height_temperature = 0.2  # m
    lookahead = 0.04  # s

    lean_ahead = torso_pitch + lookahead * torch.clamp(pitch_rate, -10.0, 10.0)
    balanced = torch.exp(-torch.square(torch.clamp(lean_ahead, -3.0, 3.0) / lean_temperature))
    low = torch.clamp(1.0 - torso_height, min=0.0, max=1.0)
    high = torch.exp(-low / height_temperature)
    safe = balanced * high

    speed = torch.clamp(x_velocity, -2.0, 5.0)
    forward = torch.clamp(speed, min=0.0)

    components = {
        "pace": 1.0 * torch.tanh(speed / speed_temperature),
        "fast": 0.4 * forward * safe,
        "safe_progress": 0.4 * safe * torch.tanh(forward / speed_temperature),
        "safe": 0.1 * safe + 0.05,
        "effort": -0.01 * action.square().sum(dim=-1),
    }
    total = (
        components["pace"]
        + components["fast"]
        + components["safe_progress"]
        + components["safe"]
        + components["effort"]
    )
    return total, components
