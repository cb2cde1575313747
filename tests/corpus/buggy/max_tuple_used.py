import torch


def compute_reward(joint_vel: torch.Tensor, x_velocity: torch.Tensor):
    peak = torch.max(joint_vel.abs(), dim=-1)
    forward = torch.tanh(x_velocity)
    total = forward - 0.1 * peak

    components = {"forward": forward, "peak": -0.1 * peak.values}
    return total, components
