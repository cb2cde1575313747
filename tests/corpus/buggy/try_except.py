import torch


def compute_reward(x_velocity, torso_height):
    try:
        ratio = x_velocity / torso_height
    except ZeroDivisionError:
        ratio = x_velocity
    return ratio, {"ratio": ratio}
