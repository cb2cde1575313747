import torch


def compute_reward(joint_vel: torch.Tensor, x_velocity: torch.Tensor):
    joints = -0.01 * joint_vel.square()
    forward = x_velocity.clamp(-1.0, 2.0)
    total = forward + joints.sum(dim=-1)
    return total, {
        "forward": forward,
        "joints": joints,
    }
