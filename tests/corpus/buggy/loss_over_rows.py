import torch
import torch.nn.functional as F


def compute_reward(x_velocity: torch.Tensor, prev_x_velocity: torch.Tensor):
    fast = (x_velocity > 6.0).float()
    smooth = -fast * F.mse_loss(x_velocity, prev_x_velocity)
    return x_velocity + smooth, {"forward": x_velocity, "smooth": smooth}
