import torch


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor):
    last_velocity = torch.roll(x_velocity, shifts=1, dims=0)
    accel = x_velocity - last_velocity
    smooth = -0.1 * accel.abs()
    forward = torch.clamp(x_velocity, -1.0, 2.0)

    total = forward + smooth - 0.01 * action.pow(2).sum(-1)
    return total, {"forward": forward, "smooth": smooth, "ctrl": -0.01 * action.pow(2).sum(-1)}
