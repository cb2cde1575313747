import torch


def compute_reward(foot_pos: torch.Tensor, prev_foot_pos: torch.Tensor, x_velocity: torch.Tensor):
    slip = (foot_pos - prev_foot_pos)[:, :, :2].flatten(1)
    slip_cost = -0.02 * slip.pow(2).sum(dim=1, keepdim=True)
    v = x_velocity.view(-1, 1)
    fwd = torch.cat([v, torch.zeros_like(v)], dim=1).max(dim=1, keepdim=True)[0]
    total = slip_cost + fwd
    return total.squeeze(-1), {
        "slip": slip_cost.squeeze(-1),
        "forward": fwd.squeeze(-1),
    }
