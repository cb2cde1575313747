import torch


def compute_reward(foot_pos: torch.Tensor, x_velocity: torch.Tensor):
    contacts = (foot_pos[:, :, 2] < 0.0).sum(dim=1)
    fast = (x_velocity > 0.5).long()

    total = contacts + fast
    components = {"contacts": contacts, "fast": fast}
    return total, components
