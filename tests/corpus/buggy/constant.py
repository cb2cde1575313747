import torch


def compute_reward(x_velocity):
    reward = torch.ones_like(x_velocity) + 0.0 * x_velocity
    return reward, {"alive": reward}
