import torch

laugh = ["lol"]
for _ in range(20):
    laugh = [laugh, laugh]


def compute_reward(x_velocity):
    return x_velocity, {"forward": x_velocity, "laugh": laugh}
