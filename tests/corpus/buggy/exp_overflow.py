import torch


def compute_reward(joint_vel: torch.Tensor, x_velocity: torch.Tensor):
    temperature = 0.05
    energy = torch.sum(joint_vel**2, dim=-1)
    calm = torch.exp(energy / temperature)
    forward = torch.clamp(x_velocity, 0.0, 2.0)
    total = forward + calm
    return total, {"forward": forward, "calm": calm}
