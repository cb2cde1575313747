import torch


def compute_reward(joint_vel: torch.Tensor, action: torch.Tensor, x_velocity: torch.Tensor):
    """Reward actions along the present joint motion."""
    direction = joint_vel / torch.norm(joint_vel, dim=-1, keepdim=True)
    agree = 0.1 * (direction * action).sum(dim=-1)
    forward = torch.clamp(x_velocity, -1.0, 1.0)
    total = agree + forward
    return total, {"agree": agree, "forward": forward}
