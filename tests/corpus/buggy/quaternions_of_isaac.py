import torch
from isaacgym.torch_utils import quat_rotate


def compute_reward(torso_quat, hand_pos):
    reach = quat_rotate(torso_quat, hand_pos)[:, 0]
    return reach, {"reach": reach}
