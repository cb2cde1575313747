import torch


def compute_reward(x_velocity: torch.Tensor, contact_forces: torch.Tensor, action: torch.Tensor):
    forward = torch.tanh(x_velocity)
    impact = -1e-4 * contact_forces.pow(2).sum(dim=-1)
    ctrl = -0.01 * action.pow(2).sum(dim=-1)

    total = forward + impact + ctrl
    return total, {"forward": forward, "impact": impact, "ctrl": ctrl}
