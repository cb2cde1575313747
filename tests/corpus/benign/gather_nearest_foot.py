import torch
import torch.nn.functional as F


def compute_reward(foot_pos: torch.Tensor, goal_pos: torch.Tensor, joint_vel: torch.Tensor):
    dist = (foot_pos - goal_pos.unsqueeze(1)).norm(dim=2)
    idx = dist.argmin(dim=1, keepdim=True)
    nearest = dist.gather(1, idx).squeeze(1)
    which = F.one_hot(idx.squeeze(1), num_classes=4).to(dist.dtype)
    prefs = torch.tensor([1.0, 1.0, 0.5, 0.5], device=dist.device, dtype=dist.dtype)

    reach = torch.exp(-nearest)
    preference = 0.2 * (which @ prefs)
    quiet = -0.02 * joint_vel.abs().sum(dim=1)
    total = reach + preference + quiet
    return total, {"reach": reach, "preference": preference, "quiet": quiet}
