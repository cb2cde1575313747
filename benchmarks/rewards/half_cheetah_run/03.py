# Written by a language model in answer to the first prompt for half_cheetah_run.

import torch


def compute_reward(
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    z_velocity: torch.Tensor,  # (num_envs,)
    joint_velocities: torch.Tensor,  # (num_envs, 6)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    flip_start = 0.9  # rad
    flip_temperature = 0.8  # rad
    bounce_temperature = 1.5  # m/s
    power_temperature = 40.0

    v = torch.clamp(x_velocity, -6.0, 15.0)
    fast = torch.clamp(v, min=0.0)

    over = torch.clamp(torch.abs(torso_pitch) - flip_start, min=0.0, max=20.0)
    flipped = torch.tanh(over / flip_temperature)

    power = torch.abs(action * joint_velocities).sum(dim=-1)

    components = {
        "velocity": v,
        "fast": 0.1 * fast * fast * (1.0 - flipped),
        "flipped": -0.5 * flipped,
        "bounce": -0.05 * torch.tanh(torch.square(z_velocity / bounce_temperature)),
        "power": -0.05 * torch.tanh(power / power_temperature),
    }
    total = (
        components["velocity"]
        + components["fast"]
        + components["flipped"]
        + components["bounce"]
        + components["power"]
    )
    return total, components
