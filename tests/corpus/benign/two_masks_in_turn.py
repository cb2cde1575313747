import torch


def compute_reward(x_velocity, torso_height):
    alive = (torso_height > 0.8) * (torso_height < 2.0)
    healthy = torch.where(alive, 1.0, -1.0)
    r = x_velocity * healthy
    r[~alive] = -10.0
    r[torso_height < 0.5] = -100.0
    return r, {'healthy': healthy, 'r': r}
