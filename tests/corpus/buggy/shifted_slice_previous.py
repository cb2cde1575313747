import torch


def compute_reward(action: torch.Tensor, x_velocity: torch.Tensor):
    rate = torch.cat([torch.zeros_like(action[:1]), action[1:] - action[:-1]], dim=0)
    smooth = -0.02 * rate.square().sum(dim=-1)
    forward = torch.tanh(x_velocity)

    total = smooth + forward
    return total, {"smooth": smooth, "forward": forward}
