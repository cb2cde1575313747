import torch


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor):
    forward = torch.tanh(x_velocity)
   ctrl = -0.01 * action.pow(2).sum(dim=-1)

    total = forward + ctrl
    components = {"forward": forward, "ctrl": ctrl}
    return total, components
