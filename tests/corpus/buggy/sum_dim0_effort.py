import torch


def compute_reward(action: torch.Tensor, x_velocity: torch.Tensor):
    per_joint = torch.sum(action.square(), dim=0)
    effort = -0.01 * per_joint.max() * torch.ones_like(x_velocity)
    forward = torch.clamp(x_velocity, -1.0, 2.0)

    total = forward + effort
    return total, {"forward": forward, "effort": effort}
