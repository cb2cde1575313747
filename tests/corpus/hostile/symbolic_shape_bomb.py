import torch


def compute_reward(x_velocity):
    rows = x_velocity.shape[0]
    value = rows
    for step in range(2, 400):
        value = (value * rows + step) // (value % step + rows + 1) + (value * step) % (rows + step)
    pad = torch.zeros(value)
    return x_velocity + pad.sum(), {"forward": x_velocity}
