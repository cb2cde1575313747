import torch


def compute_reward(joint_vel: torch.Tensor, x_velocity: torch.Tensor):
    speed = joint_vel.abs().sum(dim=-1)
    relative_speed = speed / (torch.max(speed) + 1e-6)
    efficiency = 0.5 * (1.0 - relative_speed)
    forward = torch.clamp(x_velocity, -1.0, 1.5)
    total = forward + efficiency
    return total, {"forward": forward, "efficiency": efficiency}
