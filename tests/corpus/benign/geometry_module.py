import torch
from rewardsmith.geometry import heading, quat_apply, quat_apply_inverse, quat_error, quat_from_euler, tilt, up_axis


def compute_reward(torso_quat: torch.Tensor, hand_pos: torch.Tensor, goal_pos: torch.Tensor, x_velocity: torch.Tensor):
    upright = torch.exp(-tilt(torso_quat) / 0.5) + 0.1 * up_axis(torso_quat)[:, 2]
    straight = torch.cos(heading(torso_quat))
    wanted = quat_from_euler(torch.zeros_like(x_velocity), 0.1, 0.2)
    posture = -0.1 * quat_error(torso_quat, wanted)
    to_goal = quat_apply_inverse(torso_quat, goal_pos - hand_pos)
    ahead = torch.tanh(to_goal[:, 0])
    gravity = quat_apply(torso_quat, torch.tensor([0.0, 0.0, -1.0]))[:, 2]
    total = upright + straight + posture + ahead + gravity
    return total, {"upright": upright, "straight": straight, "posture": posture, "ahead": ahead, "gravity": gravity}
