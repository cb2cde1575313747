import math

import rewardsmith.geometry as geo
from rewardsmith import geometry


def compute_reward(torso_quat, prev_torso_quat, torso_height, hand_pos, goal_pos, foot_pos):
    standing = geometry.tolerance(torso_height, bounds=(1.15, math.inf), margin=0.5, sigmoid="long_tail")
    reach = geometry.tolerance(geometry.distance(hand_pos, goal_pos), bounds=(0, 0.05), margin=1.0)
    turned = geo.quat_error_vector(prev_torso_quat, torso_quat)
    smooth = -0.1 * turned.square().sum(dim=-1)
    feet = -0.01 * geo.planar_distance(foot_pos, hand_pos.unsqueeze(1)).mean(dim=-1)
    aligned = 0.1 * (geo.quat_to_matrix(torso_quat)[:, :, 0] * geo.normalize(goal_pos - hand_pos)).sum(dim=-1)
    roll, pitch, yaw = geo.quat_to_euler(torso_quat)
    level = -0.1 * (roll.abs() + pitch.abs()) - 0.01 * geo.angle_difference(yaw, 3.0).abs()
    total = standing + reach + smooth + feet + aligned + level
    return total, {
        "standing": standing, "reach": reach, "smooth": smooth, "feet": feet, "aligned": aligned, "level": level,
    }
