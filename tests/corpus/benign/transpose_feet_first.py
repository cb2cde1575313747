import torch


def compute_reward(foot_pos: torch.Tensor, torso_height: torch.Tensor):
    feet = foot_pos.transpose(0, 1)
    heights = torch.stack([foot[:, 2] for foot in feet], dim=0)
    lowest = heights.min(dim=0).values
    highest = heights.max(dim=0).values
    stance = -0.1 * lowest.abs()
    swing = 0.2 * torch.tanh(highest - lowest)
    parts = torch.stack([stance, swing, 0.5 * torch.clamp(torso_height, max=1.2)])
    total = parts.sum(dim=0)
    return total, {"stance": parts[0], "swing": parts[1], "height": parts[2]}
