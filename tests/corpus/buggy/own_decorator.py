import torch


def bounded(function):
    return lambda *args: torch.tanh(function(*args))


@bounded
def speed(x):
    return x * 2.0


def compute_reward(x_velocity):
    return speed(x_velocity), {"speed": speed(x_velocity)}
