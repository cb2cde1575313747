import torch


def compute_reward(foot_pos: torch.Tensor, x_velocity: torch.Tensor):
    contact = (foot_pos[:, :, 2] < -0.5).float()
    lateral = foot_pos[:, :, 1].abs()
    mean_lateral = (contact * lateral).sum(dim=1) / contact.sum(dim=1)
    stance = -0.1 * mean_lateral
    forward = torch.tanh(x_velocity)
    total = stance + forward
    return total, {"stance": stance, "forward": forward}
