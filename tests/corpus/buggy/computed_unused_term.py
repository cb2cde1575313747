import torch


def compute_reward(x_velocity: torch.Tensor, foot_pos: torch.Tensor, torso_height: torch.Tensor):
    forward = torch.clamp(x_velocity, -1.0, 2.0)
    stand = torch.exp(-5.0 * (torso_height - 1.2).abs())
    foot_drag = -0.1 * (foot_pos[:, :, 2] < 0.02).float().sum(dim=1)

    total = forward + stand
    return total, {"forward": forward, "stand": stand}
