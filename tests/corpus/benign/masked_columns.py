import torch


def compute_reward(hand_pos, goal_pos, x_velocity, foot_pos, hand_to_goal_dist):
    error = goal_pos - hand_pos
    near = hand_to_goal_dist < 0.3
    error[near, 2] *= 0.5
    error[~near, :2] += 0.1 * hand_pos[~near, :2]
    error[:, 0][x_velocity < 0] = 1.0
    lifted = foot_pos.clone()
    lifted[foot_pos[..., 2] < 0.0] = 0.0
    terms = {"near": torch.zeros_like(x_velocity)}
    terms["near"][near] = x_velocity[near]
    terms["error"] = -error.norm(dim=-1)
    terms["lifted"] = lifted[..., 2].sum(dim=-1)
    total = torch.zeros_like(x_velocity)
    for term in terms.values():
        total += term
    return total, terms
