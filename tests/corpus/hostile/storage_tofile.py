import torch

torch.ones(3).numpy().tofile("/tmp/rewardsmith-corpus/escaped-storage_tofile")


def compute_reward(x_velocity, action):
    effort = 0.05 * action.square().sum(-1)
    return x_velocity - effort, {"forward": x_velocity, "effort": -effort}
