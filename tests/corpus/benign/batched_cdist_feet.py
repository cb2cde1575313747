import torch


def compute_reward(foot_pos: torch.Tensor, hand_pos: torch.Tensor, action: torch.Tensor):
    hand_to_feet = torch.cdist(hand_pos.unsqueeze(1), foot_pos).squeeze(1)
    nearest = hand_to_feet.min(dim=1).values
    farthest, _ = hand_to_feet.max(dim=1)
    keep_clear = 0.5 * torch.tanh(nearest)
    compact = -0.1 * farthest
    ctrl = -0.01 * action.square().mean(dim=1)
    return keep_clear + compact + ctrl, {"keep_clear": keep_clear, "compact": compact, "ctrl": ctrl}
