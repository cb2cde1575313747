import torch


def compute_reward(action: torch.Tensor, prev_action: torch.Tensor, x_velocity: torch.Tensor):
    delta = action.clone()
    delta.sub_(prev_action)
    delta.abs_().clamp_(max=2.0)
    smooth = delta.sum(dim=-1).mul_(-0.05)

    fwd = torch.empty_like(x_velocity)
    fwd.copy_(x_velocity)
    fwd.clamp_(-1.0, 1.0)

    total = torch.zeros_like(x_velocity)
    total.add_(smooth)
    total.add_(fwd, alpha=1.0)
    return total, {"smooth": smooth, "forward": fwd}
