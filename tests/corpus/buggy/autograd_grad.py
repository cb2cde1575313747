import torch


def compute_reward(hand_pos: torch.Tensor, goal_pos: torch.Tensor, action: torch.Tensor):
    h = hand_pos.clone().requires_grad_(True)
    dist = (h - goal_pos).pow(2).sum(dim=-1)
    (grad,) = torch.autograd.grad(dist.sum(), h)
    aim = -0.1 * (grad * action[:, :3]).sum(dim=-1)
    reach = torch.exp(-dist.detach())

    total = aim + reach
    return total, {"aim": aim, "reach": reach}
