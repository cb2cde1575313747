import torch
from rewardsmith.geometry import quat_apply


def compute_reward(torso_quat, hand_pos):
    reach = quat_apply(
        hand_pos,
        torso_quat,
    )[:, 0]
    return reach, {"reach": reach}
