import torch


def compute_reward(x_velocity):
    device = x_velocity.device
    num_envs = x_velocity.shape[0]
    one = torch.tensor(1.0, device=device)
    r = torch.where(x_velocity > 1, one, torch.tensor(0.0))
    z = torch.zeros((num_envs,), dtype=torch.float, device=device)
    r = r + z + torch.ones(num_envs, device=device)
    comps = {}
    comps["r"] = r
    comps['v'] = x_velocity.pow(2)
    total = 0
    for k, v in comps.items():
        total += v
    return total, comps
