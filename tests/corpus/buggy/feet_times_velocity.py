import torch


def compute_reward(foot_pos: torch.Tensor, x_velocity: torch.Tensor, torso_height: torch.Tensor):
    clearance = torch.relu(foot_pos[:, :, 2])
    gate = torch.sigmoid(x_velocity)
    swing = 0.1 * (gate * clearance).sum(dim=-1)
    stand = -torch.abs(torso_height - 1.2)

    total = swing + stand
    return total, {"swing": swing, "stand": stand}
