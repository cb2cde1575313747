import torch
import torch.nn.functional as F


def compute_reward(foot_pos: torch.Tensor, goal_pos: torch.Tensor, x_velocity: torch.Tensor):
    d = torch.norm(foot_pos - goal_pos[:, None, :], dim=-1)
    attn = F.softmax(-2.0 * d, dim=-1)
    attended = (attn * d).sum(dim=-1)
    soft_min = -torch.logsumexp(-5.0 * d, dim=-1) / 5.0
    entropy = -(attn * F.log_softmax(-2.0 * d, dim=-1)).sum(-1)

    components = {
        "attended": torch.exp(-attended),
        "soft_min": -0.3 * soft_min,
        "entropy": 0.05 * entropy,
        "speed": 0.2 * F.silu(x_velocity),
    }
    total = torch.zeros_like(x_velocity)
    for v in components.values():
        total = total + v
    return total, components
