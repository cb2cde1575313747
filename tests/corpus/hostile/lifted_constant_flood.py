import torch

TABLE = torch.sin(torch.arange(3_000_000.0))


def compute_reward(x_velocity):
    extra = TABLE.sum() + x_velocity
    return extra, {"extra": extra}
