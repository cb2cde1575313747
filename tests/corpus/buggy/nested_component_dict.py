import torch


def compute_reward(x_velocity: torch.Tensor, action: torch.Tensor, joint_vel: torch.Tensor):
    forward = torch.tanh(x_velocity)
    ctrl = -0.01 * action.pow(2).sum(dim=-1)
    joints = -0.005 * joint_vel.pow(2).sum(dim=-1)

    total = forward + ctrl + joints
    return total, {"forward": forward, "penalties": {"ctrl": ctrl, "joints": joints}}
