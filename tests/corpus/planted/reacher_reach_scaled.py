import torch


def compute_reward(to_target: torch.Tensor, action: torch.Tensor):
    """reacher_reach_right, forty times as large and moved by three."""
    distance = 3.0 - 40.0 * torch.norm(to_target, dim=-1)
    effort = -4.0 * (action**2).sum(dim=-1)
    return distance + effort, {"distance": distance, "effort": effort}
