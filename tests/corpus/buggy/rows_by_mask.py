# expect: compile: selects rows by a mask
import torch


def compute_reward(x_velocity):
    fast = x_velocity[x_velocity > 1.0]
    return fast, {}
