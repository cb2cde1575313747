import torch
import torch.nn.functional as F

H_MIN, H_MAX = 0.8, 1.6


def compute_reward(torso_height: torch.Tensor, x_velocity: torch.Tensor, action: torch.Tensor):
    lower_gap = (torso_height - H_MIN).clamp(min=1e-3)
    upper_gap = (H_MAX - torso_height).clamp(min=1e-3)
    barrier = 0.1 * (torch.log(lower_gap) + torch.log(upper_gap))
    forward = F.elu(x_velocity.clamp(max=3.0))
    backward = 0.2 * F.leaky_relu(x_velocity, negative_slope=2.0).clamp(max=0.0)
    excess = -0.1 * F.relu(action.abs() - 1.0).sum(dim=-1)
    total = barrier + forward + backward + excess
    return total, {"barrier": barrier, "forward": forward, "backward": backward, "excess": excess}
