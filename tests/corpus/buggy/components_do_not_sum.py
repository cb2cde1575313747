import torch


def compute_reward(x_velocity, torso_height):
    return 3.0 * x_velocity + torso_height, {"speed": x_velocity, "height": torso_height}
