import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor):
    healthy = (torso_height > 1.0) and (torso_height < 1.4)
    alive = torch.where(healthy, 0.5, 0.0)
    forward = torch.tanh(x_velocity)

    total = alive + forward
    return total, {"alive": alive, "forward": forward}
