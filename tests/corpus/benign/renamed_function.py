import torch


def compute_reward_v3(torso_height, x_velocity):
    upright = torch.sigmoid((torso_height - 1.0) * 10.0)
    speed = torch.tanh(x_velocity)
    return upright * speed, {"upright_speed": upright * speed}
