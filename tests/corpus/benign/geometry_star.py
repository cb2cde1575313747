import torch
from rewardsmith.geometry import *


def compute_reward(torso_quat, foot_pos, joint_vel, x_velocity):
    feet = quat_apply(torso_quat.unsqueeze(1), foot_pos)[..., 2].amin(dim=-1)
    spin = quat_mul(torso_quat, quat_from_axis_angle(torch.tensor([0.0, 0.0, 1.0]), x_velocity))
    turn = quat_conjugate(spin)[:, 3]
    swing = wrap_to_pi(joint_vel * 2.0).abs().sum(dim=-1)
    side = rotate_2d(foot_pos[:, 0, :2], x_velocity)[:, 1]
    total = feet + turn - 0.01 * swing + 0.1 * side
    return total, {"feet": feet, "turn": turn, "swing": -0.01 * swing, "side": 0.1 * side}
