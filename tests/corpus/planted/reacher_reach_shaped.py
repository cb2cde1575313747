import torch

GAMMA = 0.99


def compute_reward(
    to_target: torch.Tensor, prev_to_target: torch.Tensor, action: torch.Tensor
):
    """reacher_reach_right and a potential, minus five times the distance."""
    here, before = torch.norm(to_target, dim=-1), torch.norm(prev_to_target, dim=-1)
    distance = -here
    effort = -0.1 * (action**2).sum(dim=-1)
    approach = GAMMA * (-5.0 * here) + 5.0 * before
    return distance + effort + approach, {
        "distance": distance,
        "effort": effort,
        "approach": approach,
    }
