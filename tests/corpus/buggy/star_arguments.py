import torch


def compute_reward(**signals):
    return signals["x_velocity"], {}
