import torch

W_FORWARD, W_CTRL = 2.0, 0.1


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor):
    forward = torch.tanh(x_velocity)
    ctrl = action.pow(2).sum(dim=-1)
    total = W_FORWARD * forward - W_CTRL * ctrl
    components = {"forward": forward, "ctrl": ctrl}
    return total, components
