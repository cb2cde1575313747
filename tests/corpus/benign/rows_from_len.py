import torch


def compute_reward(x_velocity, torso_height):
    alive = torch.full((len(x_velocity),), 1.0)
    fallen = torso_height < 0.7
    reward = x_velocity + alive * ~fallen - 5.0 * fallen.to(torch.float32)
    return reward, {"speed": x_velocity, "alive": alive * ~fallen, "fallen": -5.0 * fallen.to(torch.float32)}
