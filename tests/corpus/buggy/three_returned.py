import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor):
    forward = torch.clamp(x_velocity, -1.0, 2.0)
    alive = 0.5 * (torso_height > 1.0).float()
    reset = torch.where(torso_height < 0.8, torch.ones_like(alive), torch.zeros_like(alive))
    total = forward + alive
    components = {"forward": forward, "alive": alive}
    return total, reset, components
