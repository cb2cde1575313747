# expect: compile: Python number
import torch


def compute_reward(x_velocity, torso_height):
    best = x_velocity[0].item()
    return torso_height * best, {}
