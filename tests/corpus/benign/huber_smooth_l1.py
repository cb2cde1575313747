import torch
from torch.nn import functional as F


def compute_reward(hand_pos, goal_pos, joint_vel, x_velocity):
    pos_loss = F.smooth_l1_loss(hand_pos, goal_pos, reduction="none", beta=0.1).sum(dim=-1)
    vel_loss = F.huber_loss(joint_vel, torch.zeros_like(joint_vel), reduction="none", delta=0.5).mean(dim=-1)
    speed_loss = F.mse_loss(x_velocity, torch.ones_like(x_velocity), reduction="none")

    components = {
        "position": -1.0 * pos_loss,
        "joint_velocity": -0.1 * vel_loss,
        "speed": 0.5 * torch.exp(-speed_loss),
    }
    total = components["position"] + components["joint_velocity"] + components["speed"]
    return total, components
