import torch
import torch.nn.functional as F


def compute_reward(x_velocity: torch.Tensor, torso_height: torch.Tensor):
    best = torch.argmax(x_velocity, dim=0)
    winner = F.one_hot(best, num_classes=x_velocity.shape[0]).float()
    forward = torch.tanh(x_velocity)
    stand = -torch.abs(torso_height - 1.2)

    total = forward + winner + stand
    return total, {"forward": forward, "winner": winner, "stand": stand}
