import torch

_EPS = 1e-6


def _soft_limit(x, limit, slope=10.0):
    return torch.nn.functional.softplus(slope * (x.abs() - limit)) / slope


def compute_locomotion_reward(x_velocity, joint_vel, torso_height):
    vel = torch.minimum(x_velocity, torch.full_like(x_velocity, 2.0))
    limit_cost = -0.05 * _soft_limit(joint_vel, 1.0).sum(dim=-1)
    height_ratio = torso_height / (1.2 + _EPS)
    height = 0.5 * torch.clip(height_ratio, 0.0, 1.0)
    total = vel + limit_cost + height
    return total, {"vel": vel, "limit_cost": limit_cost, "height": height}
