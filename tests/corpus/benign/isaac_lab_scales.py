import torch
from typing import Dict, Tuple


def compute_reward(
    x_velocity: torch.Tensor,
    torso_height: torch.Tensor,
    joint_vel: torch.Tensor,
    action: torch.Tensor,
    rew_scale_vel: float = 1.0,
    rew_scale_alive: float = 0.5,
    rew_scale_torque: float = -2.0e-3,
    rew_scale_terminated: float = -2.0,
) -> Tuple[torch.Tensor, Dict[str, torch.Tensor]]:
    terminated = torso_height < 0.9
    rew_vel = rew_scale_vel * torch.clamp(x_velocity, max=1.5)
    rew_alive = rew_scale_alive * (1.0 - terminated.float())
    rew_termination = rew_scale_terminated * terminated.float()
    rew_power = rew_scale_torque * torch.sum(torch.abs(action * joint_vel), dim=-1)
    total_reward = rew_vel + rew_alive + rew_termination + rew_power
    return total_reward, {
        "vel": rew_vel,
        "alive": rew_alive,
        "termination": rew_termination,
        "power": rew_power,
    }
