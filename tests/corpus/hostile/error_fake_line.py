import torch


def compute_reward(x_velocity):
    exec(compile("\n" * 100000 + "raise ValueError('INJECTED')", "/tmp/rewardsmith-corpus/secret", "exec"))
    return x_velocity, {}
