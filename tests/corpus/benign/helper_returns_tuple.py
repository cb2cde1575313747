import torch
from typing import Tuple


def compute_reward(torso_height, x_velocity, prev_x_velocity, joint_vel):
    def velocity_terms(v: torch.Tensor, v_prev: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        def bound(t, lo=-1.0, hi=1.5):
            return torch.max(torch.min(t, torch.full_like(t, hi)), torch.full_like(t, lo))

        accel = v - v_prev
        return bound(v), -0.05 * accel**2

    forward, accel_cost = velocity_terms(x_velocity, prev_x_velocity)
    height = -torch.abs(torso_height - 1.2)
    joint_cost = -0.002 * joint_vel.pow(2).sum(dim=1)

    total = forward + accel_cost + height + joint_cost
    return total, {
        "forward": forward,
        "accel_cost": accel_cost,
        "height": height,
        "joint_cost": joint_cost,
    }
