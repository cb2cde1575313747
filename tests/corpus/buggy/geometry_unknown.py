from rewardsmith import geometry


def compute_reward(torso_quat, hand_pos):
    reach = geometry.quat_rotate(torso_quat, hand_pos)[:, 0]
    return reach, {"reach": reach}
