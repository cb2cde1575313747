import torch


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    speed = torch.sqrt(x_velocity.to(torch.complex64))
    stand = torch.exp(-5.0 * torch.abs(torso_height - 1.2))

    total = speed + stand
    components = {"speed": speed, "stand": stand}
    return total, components
