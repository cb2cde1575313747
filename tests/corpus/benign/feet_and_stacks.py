import torch


def compute_reward(foot_pos, torso_height):
    heights = foot_pos[:, :, 2]
    lowest = heights.min(dim=-1).values
    highest, which = torch.max(heights, dim=-1)
    spread = torch.std(heights, dim=-1)
    chosen = torch.gather(foot_pos[:, :, 0], 1, which.unsqueeze(-1)).squeeze(-1)
    both = torch.stack([lowest, highest], dim=-1).mean(dim=-1)
    centre = foot_pos.mean(dim=1)
    step = torch.where(highest > 0.2, torch.ones_like(highest), 0.0)
    total = both - spread + 0.1 * chosen + step - centre[:, 1].abs() + 0.5 * torso_height
    return total, {"both": both, "spread": -spread, "step": step}
