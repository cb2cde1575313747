import torch


def compute_reward(self, x_velocity: torch.Tensor, torso_height: torch.Tensor):
    target = self.cfg.target_speed
    track = torch.exp(-torch.abs(x_velocity - target))
    height = -torch.abs(torso_height - 1.2)

    total = track + height
    return total, {"track": track, "height": height}
