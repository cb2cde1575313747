import torch


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    forward = torch.tanh(x_velocity)
    stand = -torch.abs(torso_height - 1.2)

    total = forward + stand
    return total, {
        "Forward velocity (m/s)": forward,
        "stand tall!": stand,
    }
