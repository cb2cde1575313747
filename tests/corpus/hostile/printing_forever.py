import torch


def compute_reward(x_velocity):
    for _ in range(1000):
        print("x" * 1000000)
    return x_velocity, {"speed": x_velocity}
