import torch
import math

JOINT_LIMITS = (0.5, 0.8, 1.0, 0.5, 0.8, 1.0)


def compute_reward(joint_vel: torch.Tensor, action: torch.Tensor, x_velocity: torch.Tensor):
    over = torch.stack(
        [torch.relu(joint_vel[:, j].abs() - lim) for j, lim in enumerate(JOINT_LIMITS)],
        dim=-1,
    )
    limit_penalty = -0.1 * over.mean(dim=-1)
    power = [torch.abs(a * v) for a, v in zip(action.unbind(dim=1), joint_vel.unbind(dim=1))]
    power_penalty = -0.02 * torch.stack(power).sum(0)
    forward = torch.atan(x_velocity) * (2.0 / math.pi)
    total = limit_penalty + power_penalty + forward
    return total, {
        "limit_penalty": limit_penalty,
        "power_penalty": power_penalty,
        "forward": forward,
    }
