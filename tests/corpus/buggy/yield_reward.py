import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor):
    stand = torch.exp(-5.0 * torch.abs(torso_height - 1.2))
    walk = torch.tanh(x_velocity)
    total = stand + walk

    components = {"stand": stand, "walk": walk}
    yield total, components
