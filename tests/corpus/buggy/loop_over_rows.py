import torch


def compute_reward(x_velocity):
    rewards = []
    for i in range(x_velocity.shape[0]):
        rewards.append(x_velocity[i] * 2.0)
    return torch.stack(rewards), {}
