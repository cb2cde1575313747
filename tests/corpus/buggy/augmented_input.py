import torch


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    upright = (torso_height > 1.1).float()
    x_velocity *= upright
    forward = torch.clamp(x_velocity, -1.0, 2.0)
    stand = 0.5 * upright
    total = forward + stand
    return total, {"forward": forward, "stand": stand}
