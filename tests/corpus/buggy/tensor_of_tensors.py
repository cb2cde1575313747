# expect: compile: torch.tensor() was given tensors
import torch


def compute_reward(x_velocity, torso_height):
    pair = torch.tensor([x_velocity[0], torso_height[0]])
    return x_velocity + pair[0], {}
