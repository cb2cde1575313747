import torch


def compute_reward(action):
    sym = action[:, [0, 2, 4]] - action[:, [1, 3, 5]]
    first, rest = action.split([2, 4], dim=-1)
    perm = torch.roll(action, 1, dims=-1)
    r = sym.abs().sum(-1) + first.prod(-1) + rest.std(-1) + (perm * action).sum(-1) + action.flatten(1).norm(dim=1)
    r += torch.count_nonzero(action > 0.5, dim=-1)
    return r, {}
