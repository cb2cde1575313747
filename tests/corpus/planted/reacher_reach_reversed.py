import torch


def compute_reward(to_target: torch.Tensor, action: torch.Tensor):
    """The distance without its minus: away from the target is better."""
    distance = torch.norm(to_target, dim=-1)
    effort = -0.1 * (action**2).sum(dim=-1)
    return distance + effort, {"distance": distance, "effort": effort}
