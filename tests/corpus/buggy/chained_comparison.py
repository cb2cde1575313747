import torch


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor):
    healthy = 1.0 < torso_height < 1.4
    alive = 0.5 * healthy.float()
    forward = torch.clamp(x_velocity, max=1.5)

    total = alive + forward
    return total, {"alive": alive, "forward": forward}
