import torch


def compute_reward(
    x_velocity: torch.Tensor,
    cruise_velocity: float,
):
    speed = -(x_velocity - cruise_velocity).abs()
    return speed, {"speed": speed}
