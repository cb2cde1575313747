# Written by a language model in answer to the first prompt for hopper_hop.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    z_velocity: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    lift_temperature = 1.0  # m/s
    speed_temperature = 0.5  # m/s
    pitch_limit = 0.2  # rad

    lean = torch.clamp(torch.abs(torso_pitch) / pitch_limit, 0.0, 2.0)
    balance = torch.clamp(1.0 - 0.5 * lean * lean, min=0.0)
    speed = torch.clamp(x_velocity, -2.0, 6.0)
    moving = torch.tanh(torch.clamp(speed, min=0.0) / speed_temperature)
    lift = torch.tanh(torch.clamp(z_velocity, min=0.0) / lift_temperature)

    fallen = (torch.abs(torso_pitch) > pitch_limit) | (torso_height < 0.7)

    components = {
        "progress": 1.5 * torch.where(speed > 0.0, speed * (0.3 + 0.7 * balance), 0.5 * speed),
        "hop": 0.3 * lift * moving * balance,
        "balance": 0.2 * balance,
        "fall": torch.where(fallen, -5.0 * torch.ones_like(speed), torch.zeros_like(speed)),
        "effort": -0.01 * action.square().sum(dim=-1),
    }
    total = (
        components["progress"]
        + components["hop"]
        + components["balance"]
        + components["fall"]
        + components["effort"]
    )
    return total, components
