import torch


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    forward = torch.tanh(x_velocity)
    height = torch.exp(-5.0 * torch.abs(torso_height - 1.2))
    total = forward + height
    return total, {
        "forward": forward,
        "height": hei
