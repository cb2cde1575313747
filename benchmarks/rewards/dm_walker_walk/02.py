# Written by a language model in answer to the first prompt for dm_walker_walk.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_upright: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    prev_torso_height: torch.Tensor,  # (num_envs,)
    prev_torso_upright: torch.Tensor,  # (num_envs,)
    action: torch.Tensor,  # (num_envs, 6)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    height_gate_temperature = 0.12  # m
    speed_temperature = 0.6  # m/s

    height = torch.clamp(torso_height, 0.0, 1.25)
    prev_height = torch.clamp(prev_torso_height, 0.0, 1.25)
    rise = height - prev_height
    straighten = torso_upright - prev_torso_upright

    gate = torch.sigmoid(torch.clamp((torso_height - 1.0) / height_gate_temperature, -20.0, 20.0))
    upright = torch.clamp(torso_upright, min=0.0, max=1.0)
    stand = gate * upright

    speed = torch.clamp(x_velocity, -1.0, 1.0)
    walk = 0.5 * speed + 0.5 * torch.tanh(speed / speed_temperature)

    components = {
        "rise": 5.0 * rise,
        "straighten": 2.0 * straighten,
        "posture": 0.25 * (height / 1.25) * 0.5 * (1.0 + torso_upright),
        "stand": 0.3 * stand,
        "walk": 2.0 * stand * walk,
        "effort": -0.005 * action.square().sum(dim=-1),
    }
    total = (
        components["rise"]
        + components["straighten"]
        + components["posture"]
        + components["stand"]
        + components["walk"]
        + components["effort"]
    )
    return total, components
