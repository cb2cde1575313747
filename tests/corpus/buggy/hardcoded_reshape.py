import torch

BATCH = 64


def compute_reward(foot_pos: torch.Tensor, x_velocity: torch.Tensor):
    flat = foot_pos.reshape(BATCH, 12)
    spread = 0.1 * flat.abs().mean(dim=1)
    forward = torch.clamp(x_velocity, max=1.5)
    total = spread + forward
    return total, {"spread": spread, "forward": forward}
