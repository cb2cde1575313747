# expect: warning: Argument 'action' is never used
import torch


def compute_reward(x_velocity, action):
    return x_velocity, {"speed": x_velocity}
