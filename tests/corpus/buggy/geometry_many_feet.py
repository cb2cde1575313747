import torch
from rewardsmith.geometry import quat_apply


def compute_reward(torso_quat, foot_pos):
    feet = quat_apply(torso_quat, foot_pos)[..., 2].sum(dim=-1)
    return feet, {"feet": feet}
