import torch


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    threshold = torch.quantile(x_velocity, 0.8)
    elite = (x_velocity > threshold).float()
    forward = torch.clamp(x_velocity, -1.0, 2.0)
    stand = -0.5 * (torso_height - 1.2).abs()

    total = forward + elite + stand
    return total, {"forward": forward, "elite": elite, "stand": stand}
