# Written by a language model in answer to the first prompt for hopper_hop.

import torch


def compute_reward(
    torso_height: torch.Tensor,  # (num_envs,)
    torso_pitch: torch.Tensor,  # (num_envs,)
    x_velocity: torch.Tensor,  # (num_envs,)
    joint_velocities: torch.Tensor,  # (num_envs, 3)
    action: torch.Tensor,  # (num_envs, 3)
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    upright_temperature = 0.1  # rad
    tall_temperature = 0.25  # m
    speed_temperature = 1.5  # m/s

    pitch = torch.clamp(torso_pitch, -1.0, 1.0)
    upright = 1.0 / (1.0 + torch.square(pitch / upright_temperature))
    tall = torch.exp(-torch.clamp(torch.abs(torso_height - 1.2), max=2.0) / tall_temperature)
    speed = torch.clamp(x_velocity, -2.0, 6.0)
    moving = torch.tanh(torch.clamp(speed, min=0.0) / speed_temperature)

    power = torch.abs(action * joint_velocities).sum(dim=-1)

    components = {
        "gait": 2.0 * upright * tall * moving,
        "speed": 0.8 * speed,
        "alive": 0.2 * torch.ones_like(speed),
        "power": -0.05 * torch.tanh(power / 10.0),
    }
    total = components["gait"] + components["speed"] + components["alive"] + components["power"]
    return total, components
