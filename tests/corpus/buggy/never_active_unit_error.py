import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor):
    forward = torch.clamp(x_velocity, -1.0, 2.0)
    tall = torch.where(torso_height > 115.0, 1.0, 0.0)
    wobble = -0.5 * (torso_height - 1.2) ** 2

    total = forward + tall + wobble
    return total, {"forward": forward, "tall": tall, "wobble": wobble}
