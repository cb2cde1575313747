import torch as th


def compute_reward(x_velocity, action, torso_height):
    v = x_velocity; h = torso_height
    r_v = v.clamp(max=2.)
    r_h = -(h - 1.2).abs()
    r_a = -.02 * (action ** 2).sum(1)
    c = dict(v=r_v, h=r_h, a=r_a)
    return r_v + r_h + r_a, c
